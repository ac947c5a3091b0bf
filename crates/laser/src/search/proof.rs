//! The proof: what the test split says of the winner, and how much of the gain the search itself explains.

use crate::evaluate::Evaluator;
use crate::evaluate::outcome::Outcome;
use crate::results::HeldOut;
use laser_statistics::{Split, differences, family_wise, group_ids};

use super::{Explored, Settings};

/// Statistics of a finished search.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Base against winner on the test split.
    pub held_out: HeldOut,
    /// Accuracy gain that the best of as many null edits would show on the search split.
    pub null_best_gain: f64,
}

impl Proof {
    pub(super) fn measure(
        exam: &Evaluator<'_>,
        Explored { splits, order, trials, .. }: &Explored,
        base: &[Outcome],
        best: &[Outcome],
        settings: &Settings,
    ) -> Self {
        // A guarded task is no evidence for a gain, and a text that is only read has no answer. Where nothing else is
        // aimed at, `Results::tasks` has the proof, and this one says that no answer flipped.
        let measures = settings.objective.measures(exam);
        let aimed = |item: &usize| settings.objective.proves(exam.part_of(*item), &measures);
        let part = |split: Split| {
            let items: Vec<usize> = splits.items(split).into_iter().filter(aimed).collect();
            let right = |all: &[Outcome]| items.iter().map(|i| all[*i].correct).collect::<Vec<bool>>();
            let groups = group_ids(items.iter().map(|i| exam.group(*i)));
            (right(base), right(best), groups)
        };
        let (base_search, best_search, _) = part(Split::Search);
        // In the order of asking. An edit that a race dropped enters with the items it saw; the others count as equal.
        let asked: Vec<bool> = order.iter().map(|i| base[*i].correct).collect();
        let groups = group_ids(order.iter().filter(|i| aimed(i)).map(|i| exam.group(*i)));
        let arms = trials.iter().map(|trial| {
            let mut seen = differences(&asked[..trial.outcomes.len()], &trial.outcomes.correct);
            seen.resize(asked.len(), 0);
            let aimed = order.iter().zip(seen).filter(|(item, _)| aimed(item));
            aimed.map(|(_, difference)| difference).collect::<Vec<i8>>()
        });
        let family = family_wise(arms, &groups, settings.permutations, settings.statistics_seed);
        let (p, null_best_gain) = family.map_or((1.0, 0.0), |f| (f.p, f.null_best));
        let rate = |right: &[bool]| right.iter().filter(|r| **r).count() as f64 / right.len().max(1) as f64;
        let search_gain = rate(&best_search) - rate(&base_search);
        let (base_test, best_test, groups) = part(Split::Test);
        let held_out = HeldOut::measure(
            &base_test,
            &best_test,
            &groups,
            search_gain,
            p,
            settings.resamples,
            settings.statistics_seed,
        );
        Self { held_out, null_best_gain }
    }
}
