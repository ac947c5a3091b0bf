//! Search: the best single edit on the search split, chosen on the validation split, proved on the test split.

pub mod exhaustive;
mod proof;

use laser_linalg::RankFraction;
use sha2::{Digest, Sha256};

use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::evaluate::Exam;
use crate::model::{Model, ModelConfig};
use crate::parallel::Observer;
use crate::reduction::Reduction;
use crate::score::Outcome;
use crate::statistics::{Fractions, Split, assign_split, paper_split};
use crate::store::{Outcomes, Store, Trial};
use crate::truncation::Truncation;
use crate::weight::{WeightId, WeightKind};

pub use proof::Proof;

/// The edits a search tries: every layer × matrix × ρ.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Layers, upwards.
    pub layers: Vec<usize>,
    /// Matrices.
    pub kinds: Vec<WeightKind>,
    /// Fractions of the largest rank to keep.
    pub rhos: Vec<RankFraction>,
}

/// One edit of the space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// The matrix.
    pub id: WeightId,
    /// ρ.
    pub rho: RankFraction,
    /// The rank it gives.
    pub rank: usize,
}

impl Arm {
    /// What the arm keeps of its matrix.
    pub(crate) fn reduction(&self) -> Reduction {
        Reduction::Leading(laser_linalg::RankRule::Fraction(self.rho))
    }

    /// The arm as an edit.
    pub fn edit(&self) -> Edit {
        Edit::single(self.id, self.reduction())
    }
}

impl Space {
    /// All layers, the MLP's input and output matrices, and the paper's list of ρ with 0.4 (`method.md` §1.5).
    pub fn paper(config: &ModelConfig) -> Self {
        let rhos = ["0.9", "0.8", "0.6", "0.4", "0.2", "0.1", "0.05", "0.01"];
        Self {
            layers: (0..config.n_layers).collect(),
            kinds: vec![WeightKind::Gate, WeightKind::Down],
            rhos: rhos.iter().map(|r| r.parse().expect("the list above is of fractions")).collect(),
        }
    }

    /// Every edit, by layer, matrix, then ρ as listed.
    pub fn arms(&self, config: &ModelConfig) -> Vec<Arm> {
        let mut arms = Vec::with_capacity(self.layers.len() * self.kinds.len() * self.rhos.len());
        for &layer in &self.layers {
            for &kind in &self.kinds {
                for &rho in &self.rhos {
                    arms.push(Arm { id: WeightId { layer, kind }, rho, rank: rho.of(config.max_rank(kind)) });
                }
            }
        }
        arms
    }
}

/// How items are divided and the winner is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Protocol {
    /// Three disjoint splits by subject; the finalists of the search split meet on the validation split.
    Honest {
        /// Shares of the search and validation splits.
        fractions: Fractions,
    },
    /// The paper's: the first 20 % of the items in file order select, the rest report, and the unedited model is no
    /// candidate (`method.md` §1.5).
    Paper,
}

/// Settings of a search.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is tried.
    pub space: Space,
    /// How it is judged.
    pub protocol: Protocol,
    /// Edits that go from the search split to the validation split.
    pub finalists: usize,
    /// Seed of the splits.
    pub split_seed: u64,
    /// Seed of bootstrap and permutations.
    pub statistics_seed: u64,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Sign-flip permutations.
    pub permutations: usize,
    /// Threads.
    pub threads: usize,
}

impl Settings {
    /// The default search of a model.
    pub fn new(config: &ModelConfig, threads: usize) -> Self {
        Self {
            space: Space::paper(config),
            protocol: Protocol::Honest { fractions: Fractions::new(0.4, 0.2).expect("shares below 1") },
            finalists: 10,
            split_seed: 0,
            statistics_seed: 0,
            resamples: 10_000,
            permutations: 10_000,
            threads,
        }
    }

    /// Everything that decides which trials a search runs and what they find; stored, so that a run is not gone on
    /// with under other settings.
    pub fn fingerprint(&self, model_sha256: &str, exam: &Exam<'_>, truncation: &Truncation) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("{:?} {:?} {:?}", self.space, self.protocol, truncation.method()));
        let space: String = hasher.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect();
        let task = exam.task();
        format!(
            "model {model_sha256}, task {} {} ({} items), score {:?}, search {space}, split seed {}, finalists {}",
            task.name,
            task.sha256,
            task.items.len(),
            exam.score(),
            self.split_seed,
            self.finalists,
        )
    }
}

/// The items of each split, as indices into the task.
#[derive(Debug, Clone)]
pub struct Splits {
    /// Split of each item.
    pub of: Vec<Split>,
}

impl Splits {
    fn new(exam: &Exam<'_>, settings: &Settings) -> Result<Self> {
        let items = &exam.task().items;
        let of = match settings.protocol {
            Protocol::Paper => paper_split(items.len()),
            Protocol::Honest { fractions } => {
                items.iter().map(|item| assign_split(&item.group, settings.split_seed, fractions)).collect()
            }
        };
        let splits = Self { of };
        let needed: &[Split] = match settings.protocol {
            Protocol::Paper => &[Split::Search, Split::Test],
            Protocol::Honest { .. } => &[Split::Search, Split::Validation, Split::Test],
        };
        for split in needed {
            if splits.items(*split).is_empty() {
                let problem = format!("{} items leave the {split} split empty: give more items", items.len());
                return Err(Error::Task { file: exam.task().name.clone(), place: "items".into(), problem });
            }
        }
        Ok(splits)
    }

    /// Indices of a split's items, in file order.
    pub fn items(&self, split: Split) -> Vec<usize> {
        (0..self.of.len()).filter(|i| self.of[*i] == split).collect()
    }
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// Split of each item.
    pub splits: Splits,
    /// Every trial of the search split, in the order of the space.
    pub trials: Vec<Trial>,
    /// The winner.
    pub winner: Arm,
    /// Outcomes of the unedited model, by item.
    pub base: Vec<Outcome>,
    /// Outcomes of the winner, by item.
    pub best: Vec<Outcome>,
    /// The proof on the test split.
    pub proof: Proof,
    /// Things the reader should know.
    pub notes: Vec<String>,
}

/// Runs a search: all trials (those in the store are not run again), the choice, and the one look at the test split.
pub fn search(
    model: &Model,
    exam: &Exam<'_>,
    truncation: &Truncation,
    settings: &Settings,
    store: &mut Store,
    observer: &dyn Observer,
) -> Result<Found> {
    let splits = Splits::new(exam, settings)?;
    let arms = settings.space.arms(model.config());
    if arms.is_empty() {
        return Err(Error::setting("search space", "expected at least one layer, matrix and ρ, found none"));
    }
    let search_items = splits.items(Split::Search);
    let trials = exhaustive::run(model, exam, truncation, &arms, &search_items, settings.threads, store, observer)?;
    let mut notes = Vec::new();

    let score =
        |items: &[usize], model: &Model, stage: &str| exam.evaluate(model, items, settings.threads, stage, observer);
    let winner = match settings.protocol {
        Protocol::Paper => arms[first_by_reference_order(&arms, &trials)],
        Protocol::Honest { .. } => {
            let items = splits.items(Split::Validation);
            let finalists = finalists(&trials, settings.finalists);
            let mut best: Option<(Outcomes, usize)> = None;
            for (done, index) in finalists.iter().enumerate() {
                let arm = arms[*index];
                let rho = arm.rho.to_string();
                let outcomes = match store.get(arm.id, &rho, Split::Validation)? {
                    Some(trial) => trial.outcomes,
                    None => {
                        let (edited, _) = truncation.apply(model, &arm.edit())?;
                        let outcomes = Outcomes::of(&score(&items, &edited, "validation")?);
                        let Arm { id, rank, .. } = arm;
                        let trial = Trial { id, rho, rank, split: Split::Validation, outcomes };
                        store.insert(std::slice::from_ref(&trial))?;
                        trial.outcomes
                    }
                };
                observer.progress("finalists", done + 1, finalists.len());
                if best.as_ref().is_none_or(|(b, _)| beats(&outcomes, b)) {
                    best = Some((outcomes, *index));
                }
            }
            let (outcomes, index) = best.expect("there is a finalist because there is an arm");
            let base = Outcomes::of(&score(&items, model, "validation")?);
            if !beats(&outcomes, &base) {
                notes.push("the winner does not beat the unedited model on the validation split".to_owned());
            }
            arms[index]
        }
    };

    // The one look at the test split, for the unedited model and the winner.
    let all: Vec<usize> = (0..exam.task().items.len()).collect();
    let base = score(&all, model, "test: base")?;
    let (edited, _) = truncation.apply(model, &winner.edit())?;
    let best = score(&all, &edited, "test: winner")?;
    let ties = base.iter().chain(&best).filter(|o| o.tied).count();
    if ties > 0 {
        notes.push(format!("{ties} outcomes of base or winner were decided by a tie"));
    }
    let proof = Proof::measure(exam.task(), &splits, &base, &best, &trials, settings);
    Ok(Found { splits, trials, winner, base, best, proof, notes })
}

/// Higher accuracy; at equal accuracy lower log-loss.
fn beats(a: &Outcomes, b: &Outcomes) -> bool {
    let order = a.accuracy().total_cmp(&b.accuracy()).then(b.log_loss().total_cmp(&a.log_loss()));
    order.is_gt()
}

/// Indices of the best `n` trials, best first; the earlier of equals first.
fn finalists(trials: &[Trial], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..trials.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&trials[*a].outcomes, &trials[*b].outcomes);
        b.accuracy().total_cmp(&a.accuracy()).then(a.log_loss().total_cmp(&b.log_loss()))
    });
    order.truncate(n.max(1));
    order
}

/// The paper's choice: the best trial, the first of equals in the reference's order (layers downwards, matrices as
/// listed, the most severe ρ first).
fn first_by_reference_order(arms: &[Arm], trials: &[Trial]) -> usize {
    let mut order: Vec<usize> = (0..arms.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(arms[*i].id.layer), arms[*i].id.kind, arms[*i].rho));
    let mut best = order[0];
    for &i in &order[1..] {
        if beats(&trials[i].outcomes, &trials[best].outcomes) {
            best = i;
        }
    }
    best
}
