//! Registry of search stages: a plan's stage names → the stages themselves, run one after another.

mod beam;
mod best_first;
mod exhaustive;
mod gradient_screen;
mod greedy;
mod race;
mod spectral_screen;

use self::beam::Beam;
use self::best_first::BestFirst;
use self::exhaustive::Exhaustive;
pub(super) use self::gradient_screen::CRITERION as GRADIENT;
use self::gradient_screen::GradientScreen;
use self::greedy::Greedy;
use self::race::Race;
use self::spectral_screen::SpectralScreen;
use super::candidate::Candidate;
use super::greedy_order::GreedyOrder;
use super::plan::StageName;
use super::settings::Settings;
use super::stage::{Pool, Stage};
use super::trial_runner::TrialRunner;
use crate::error::{Error, Result};

/// Number of reductions that a best-first composition tries at each step.
const BEST_FIRST_CANDIDATES: usize = 8;

/// Makes the stage of a name, with its options from `settings`.
fn stage(name: StageName, settings: &Settings) -> Box<dyn Stage> {
    match name {
        StageName::Gradient => Box::new(GradientScreen { items: settings.screen_items, keep: settings.candidates }),
        StageName::Spectral => Box::new(SpectralScreen { criterion: settings.criterion, keep: settings.candidates }),
        StageName::Exhaustive => Box::new(Exhaustive),
        StageName::Race => Box::new(Race),
        StageName::Greedy if settings.greedy_order == GreedyOrder::Best => Box::new(BestFirst {
            screen: GradientScreen { items: settings.screen_items, keep: BEST_FIRST_CANDIDATES },
            most_added: settings.greedy_passes,
        }),
        StageName::Greedy => Box::new(Greedy { order: settings.greedy_order, rounds: settings.greedy_passes }),
        StageName::Beam => Box::new(Beam { width: settings.beam_width }),
    }
}

/// Runs the stages of the settings' plan on `candidates`. A plan of screens alone is followed by [`Exhaustive`]. The pool
/// returned has no ranked edit if a race dropped all of them as no better than the unedited model.
///
/// # Errors
/// If the budget ends before one edit is scored on all items, and whatever ends a stage.
pub(super) fn run_plan(runner: &mut TrialRunner<'_>, candidates: Vec<Candidate>) -> Result<Pool> {
    let settings = runner.context().settings;
    let mut pool = Pool { candidates, ..Pool::default() };
    for name in settings.plan.stages() {
        pool = stage(*name, settings).run(runner, pool)?;
    }
    if pool.ranked.is_empty() {
        if settings.plan.only_screens() {
            pool = Exhaustive.run(runner, pool)?;
        } else {
            // A composition that found no improvement accepts nothing; its trials still count.
            pool.ranked = runner.rank_all();
        }
    }
    if pool.ranked.is_empty() && runner.budget_ended() {
        return Err(Error::setting("budget", "it ended before one edit was tried on all items of the search split"));
    }
    Ok(pool)
}
