//! The race: all candidates are asked the same items in one shuffled order, and drop out once they cannot catch up.
//!
//! At each stop every candidate is compared with the leader, item by item. One whose probability of being ahead of the
//! leader after all items is below the error rate is dropped; the others finish the split.
//!
//! The leader of hundreds is partly lucky, and against its luck everyone looks slow. So there are two leaders, the best
//! on either half of the items seen, and each is compared on the half that did not choose it: where nothing differs, a
//! difference is 0 on average, and a candidate is dropped as rarely as the error rate says. What the rule costs and
//! saves is measured in `bench-results/`.

use crate::edit::Edit;
use crate::error::Result;
use crate::search::store::Outcomes;
use laser_statistics::catch_up_probability;

use super::Candidate;
use super::strategy::{Pool, Strategy};
use super::trials::Trials;

/// Races the candidates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Race;

/// Where candidates may be dropped, of `n` items: steps of a half and a third by turns.
pub(super) fn stops(n: usize) -> Vec<usize> {
    let mut stops = vec![16, 24];
    while stops[stops.len() - 1] < n {
        stops.push(2 * stops[stops.len() - 2]);
    }
    stops.retain(|stop| *stop < n);
    stops
}

impl Strategy for Race {
    fn run(&self, trials: &mut Trials<'_>, pool: Pool) -> Result<Pool> {
        let left = race(trials, &Edit::default(), &pool.arms, None)?;
        let found = trials.ranked(left.iter().map(Candidate::edit));
        Ok(Pool { found, ..pool })
    }
}

/// Races `arms`, each added to `base`, against one another and against `incumbent`, which has been asked all items;
/// gives those that were asked all items.
pub(super) fn race(
    trials: &mut Trials<'_>,
    base: &Edit,
    arms: &[Candidate],
    incumbent: Option<&Edit>,
) -> Result<Vec<Candidate>> {
    let total = trials.order().len();
    let mut left = arms.to_vec();
    for stop in trials.stops().to_vec() {
        trials.extend(base, &left, stop)?;
        let edit = |arm: &Candidate| base.with(arm.id, arm.reduction);
        left.retain(|arm| trials.outcomes(&edit(arm)).is_some_and(|seen| seen.len() >= stop));
        if stop == total {
            break;
        }
        let seen = |edit: &Edit| trials.outcomes(edit).map(|outcomes| outcomes.first(stop));
        let runners: Vec<Outcomes> = left.iter().filter_map(|arm| seen(&edit(arm))).collect();
        let all: Vec<Outcomes> = runners.iter().cloned().chain(incumbent.and_then(seen)).collect();
        let Some(leader) = crossed_leader(trials, &all) else { break };
        let catches_up = |outcomes: &Outcomes| {
            let differences: Vec<f64> = trials.signal(outcomes).iter().zip(&leader).map(|(a, b)| a - b).collect();
            catch_up_probability(&differences, total).is_none_or(|p| p >= trials.settings.error_rate)
        };
        let mut stays = runners.iter().map(catches_up).collect::<Vec<_>>().into_iter();
        left.retain(|_| stays.next().unwrap_or(true));
    }
    Ok(left)
}

/// At each item the signal of the candidate that is best on the half of the items to which this one does not belong.
fn crossed_leader(trials: &Trials<'_>, all: &[Outcomes]) -> Option<Vec<f64>> {
    let n = all.first()?.len();
    let halves = [0, 1].map(|first| (first..n).step_by(2).collect::<Vec<usize>>());
    let best = |half: &Vec<usize>| all.iter().max_by_key(|outcomes| trials.value_at(outcomes, half));
    let [even, odd] = [best(&halves[0])?, best(&halves[1])?].map(|leader| trials.signal(leader));
    Some((0..n).map(|i| if i % 2 == 0 { odd[i] } else { even[i] }).collect())
}
