//! Proof: statistics of the winner against the unedited model on the test split, and the part of the gain that the
//! search itself explains (`docs/method.md`, "Proof").

use super::context::SearchContext;
use super::explore::Exploration;
use crate::evaluate::outcome::Outcome;
use crate::results::HeldOut;
use laser_statistics::{Split, differences, family_wise, group_ids};

/// Statistics of a finished search.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Unedited model against winner on the test split.
    pub held_out: HeldOut,
    /// Accuracy gain on the search split that the best of as many edits without effect would show by chance, a fraction
    /// of the items.
    pub null_best_gain: f64,
}

impl Proof {
    /// Computes the statistics from the trials and from the outcomes of the unedited model and the winner on all items.
    pub(super) fn measure(
        context: SearchContext<'_>,
        exploration: &Exploration,
        unedited: &[Outcome],
        winner: &[Outcome],
    ) -> Self {
        let SearchContext { evaluator, settings, .. } = context;
        let Exploration { splits, order, trials, .. } = exploration;
        // Only tasks without a guard that have answers are evidence. If there are none, `Results::tasks` has the proof,
        // and this one reports that no answer changed.
        let measures = settings.objective.measures(evaluator);
        let is_evidence = |item: &usize| settings.objective.proves(evaluator.task_index(*item), &measures);
        let on_split = |split: Split| {
            let items: Vec<usize> = splits.items(split).into_iter().filter(is_evidence).collect();
            let correct = |all: &[Outcome]| items.iter().map(|i| all[*i].correct).collect::<Vec<bool>>();
            let groups = group_ids(items.iter().map(|i| evaluator.group(*i)));
            (correct(unedited), correct(winner), groups)
        };
        let (unedited_search, winner_search, _) = on_split(Split::Search);

        // In item order. An edit that a race dropped counts with the items it was scored on; the others count as equal.
        let unedited_in_order: Vec<bool> = order.iter().map(|i| unedited[*i].correct).collect();
        let groups = group_ids(order.iter().filter(|i| is_evidence(i)).map(|i| evaluator.group(*i)));
        let of_edits = trials.iter().map(|trial| {
            let mut changes = differences(&unedited_in_order[..trial.outcomes.len()], &trial.outcomes.correct);
            changes.resize(unedited_in_order.len(), 0);
            let evidence = order.iter().zip(changes).filter(|(item, _)| is_evidence(item));
            evidence.map(|(_, change)| change).collect::<Vec<i8>>()
        });
        let family = family_wise(of_edits, &groups, settings.permutations, settings.statistics_seed);
        let (p, null_best_gain) = family.map_or((1.0, 0.0), |f| (f.p, f.null_best));

        let rate = |correct: &[bool]| correct.iter().filter(|c| **c).count() as f64 / correct.len().max(1) as f64;
        let search_gain = rate(&winner_search) - rate(&unedited_search);
        let (unedited_test, winner_test, groups) = on_split(Split::Test);
        let held_out = HeldOut::measure(
            &unedited_test,
            &winner_test,
            &groups,
            search_gain,
            p,
            settings.resamples,
            settings.statistics_seed,
        );
        Self { held_out, null_best_gain }
    }
}
