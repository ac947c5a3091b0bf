//! Search: edits found on the search split, chosen on the validation split, proved on the test split.
//!
//! The steps, in the order of the data:
//!
//! 1. [`Splits`] divides the items of an [`Evaluator`](crate::evaluate::Evaluator) into search, validation and test split.
//! 2. [`Space`] lists the [`Candidate`]s, each a reduction of one matrix.
//! 3. A [`Plan`] such as `gradient+race+greedy` names the stages (`search/stages.rs`): a screen keeps the most
//!    promising candidates, a race or an exhaustive stage ranks them by trials, and a composition combines them.
//! 4. `search/trial_runner.rs` runs the trials of all stages. `search/layer_walk.rs` scores them batch by batch
//!    (`search/whole_runs.rs` where the items are levels), and the [`store`] gets each batch when it is finished, so that a search can be resumed.
//! 5. An [`objective`] turns the outcomes of an edit into the value that orders edits.
//! 6. `search/finalists.rs` scores the best edits on the validation split and estimates their gains; `search/decision.rs`
//!    chooses the winner, or no edit, by these and by the damage to ordinary text (`search/damage.rs`).
//! 7. [`Proof`] compares winner and unedited model on the test split, which nothing before has seen.

pub mod objective;
pub mod observer;
pub mod store;

mod candidate;
mod context;
mod criterion;
mod damage;
mod decision;
mod decompositions;
mod estimate;
mod explore;
mod finalists;
mod fingerprint;
mod forecast;
mod greedy_order;
mod item_order;
mod layer_walk;
mod ordered_objective;
mod overall_progress;
mod plan;
mod proof;
pub(crate) mod screen;
mod settings;
mod space;
mod splits;
mod stage;
mod stages;
mod trial;
mod trial_runner;
mod whole_runs;
mod work;

pub use self::candidate::Candidate;
pub use self::context::SearchContext;
pub use self::criterion::Criterion;
pub use self::decision::Decision;
pub use self::explore::{Exploration, sweep};
pub use self::finalists::{Finalist, Finalists};
pub use self::fingerprint::Fingerprint;
pub use self::forecast::{ForecastSizes, ForecastStep};
pub use self::greedy_order::GreedyOrder;
pub use self::item_order::ItemOrder;
pub use self::overall_progress::OverallProgress;
pub use self::plan::{Plan, StageName};
pub use self::proof::Proof;
pub use self::screen::{Prediction, Screen};
pub use self::settings::{Budget, Protocol, Settings};
pub use self::space::Space;
pub use self::splits::Splits;

use self::store::Store;
use crate::edit::Edit;
use crate::edit::truncation::TruncationRecord;
use crate::error::Result;
use crate::evaluate::outcome::Outcome;
use crate::evaluate::{ModelPair, PairedEvaluation, RunContext};

/// Reason for proposing no edit where a race dropped all of them.
const NONE_LEFT: &str = "every edit was dropped as no better than the unedited model";

/// Result of a search.
#[derive(Debug)]
pub struct SearchResult {
    /// Result on the search split; its notes include those of the later steps.
    pub explored: Exploration,
    /// The finalists with the estimates of their gains; none under the paper's protocol.
    pub finalists: Vec<Finalist>,
    /// The winner; empty if no edit is proposed.
    pub winner: Edit,
    /// Reason for proposing no edit; `None` if one is proposed.
    pub none_because: Option<String>,
    /// Changes that the winner makes to its matrices.
    pub records: Vec<TruncationRecord>,
    /// Outcomes of the unedited model on all items, by item index.
    pub base: Vec<Outcome>,
    /// Outcomes of the winner on all items, by item index.
    pub best: Vec<Outcome>,
    /// Statistics on the test split.
    pub proof: Proof,
}

/// Runs the trials of a search on the search split, without choosing a winner. Trials that the store has already are
/// not run again.
///
/// # Errors
/// If the objective does not fit the tasks, the search space or a split is empty, the budget ends before one edit is
/// scored on all items, an edit cannot be made or scored, or the store cannot be written; if the observer stops the
/// search.
pub fn explore(context: SearchContext<'_>, store: &mut Store) -> Result<Exploration> {
    explore::explore(context, store)
}

/// Runs a search: trials on the search split, choice of the winner, and one look at the test split.
///
/// # Errors
/// Those of [`explore()`].
pub fn search(context: SearchContext<'_>, store: &mut Store) -> Result<SearchResult> {
    let SearchContext { model, evaluator, settings, observer, team, .. } = context;
    let mut explored = explore::explore(context, store)?;
    if evaluator.tasks().len() > 1 {
        explored.notes.push(
            "scores count the items of all tasks alike, texts that are only read and guarded tasks aside".to_owned(),
        );
    }
    // The exploration's truncation, because it may be calibrated.
    let truncation = explored.truncation.clone();
    let context = SearchContext { truncation: &truncation, ..context };
    let (finalists, Decision { winner, none_because }) = match settings.protocol {
        Protocol::Paper => {
            let winner = explored.found.first().cloned().unwrap_or_default();
            (Vec::new(), Decision { none_because: winner.is_empty().then(|| NONE_LEFT.to_owned()), winner })
        }
        Protocol::Honest { .. } if explored.found.is_empty() => {
            (Vec::new(), Decision { winner: Edit::default(), none_because: Some(NONE_LEFT.to_owned()) })
        }
        Protocol::Honest { .. } => {
            let mut finalists = finalists::finalists(context, &explored, store)?;
            // Damage chooses among good edits: it is not worth its time where there is none.
            if decision::most_promising(&finalists.edits).is_ok() {
                damage::measure_damage(context, &mut finalists.edits)?;
            }
            let decision = decision::decide(&finalists, settings.max_damage);
            (finalists.edits, decision)
        }
    };

    // The one look at the test split, for the unedited model and the winner.
    let all: Vec<usize> = (0..evaluator.items().len()).collect();
    let run = |stage| RunContext { threads: settings.threads, stage, observer };
    let (edited, records) = truncation.apply(model, &winner)?;
    let [base, best] = match winner.first_layer() {
        Some(first_layer) => {
            let models = ModelPair { base: model, edited: &edited, first_layer };
            PairedEvaluation::new(evaluator, models, winner.to_string(), &all, run("test")).run(team)?
        }
        None => {
            let base = evaluator.evaluate(model, &all, run("test"))?;
            [base.clone(), base]
        }
    };
    let ties = base.iter().chain(&best).filter(|o| o.tied).count();
    if ties > 0 {
        explored.notes.push(format!("{ties} outcomes of base or winner were decided by a tie"));
    }
    let proof = Proof::measure(context, &explored, &base, &best);
    Ok(SearchResult { explored, finalists, winner, none_because, records, base, best, proof })
}
