//! Leading: takes the values of several candidates at the items seen so far, says which of them may still be the best once
//! all items are seen.

use crate::catch_up_probability;

/// Whether each candidate may be ahead of the leader after all `total` items: its probability of that is at least
/// `error_rate`, or cannot be told yet.
///
/// `values` is `[candidates][items seen]`, in any unit, larger is better. `can_lead` says which candidates may be leaders;
/// where none may, all count.
///
/// The leader of many candidates is partly lucky, and compared with a lucky leader every candidate looks worse than it is.
/// So there are two leaders, the best on the even and the best on the odd items, and each candidate is compared with either
/// on the items that did not choose it. The expected difference between equal candidates is then 0. The probability is
/// [`catch_up_probability`]; it holds for one look, so that a race with several looks drops the best more often than
/// `error_rate` says (the test beside this function measures how often).
///
/// # Panics
/// If candidates have different numbers of values.
pub fn may_lead(values: &[Vec<f64>], can_lead: &[bool], total: usize, error_rate: f64) -> Vec<bool> {
    let n = values.first().map_or(0, Vec::len);
    let any = can_lead.iter().any(|can| *can);
    let best_from = |first: usize| {
        let sum = |i: usize| values[i].iter().skip(first).step_by(2).sum::<f64>();
        (0..values.len()).filter(|i| can_lead[*i] || !any).max_by(|a, b| sum(*a).total_cmp(&sum(*b)))
    };
    let (Some(on_even), Some(on_odd)) = (best_from(0), best_from(1)) else { return vec![true; values.len()] };
    let leader: Vec<f64> = (0..n).map(|item| values[if item % 2 == 0 { on_odd } else { on_even }][item]).collect();
    let catches_up = |candidate: &Vec<f64>| {
        assert_eq!(candidate.len(), n, "all candidates have seen the same items");
        let differences: Vec<f64> = candidate.iter().zip(&leader).map(|(a, b)| a - b).collect();
        catch_up_probability(&differences, total).is_none_or(|p| p >= error_rate)
    };
    values.iter().map(catches_up).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Values of candidates that change mostly the same answers: at an item that all of them could turn right, each does so
    /// with a probability of its own, and a few answers are broken.
    fn correlated(rng: &mut ChaCha8Rng, strengths: &[f64], items: usize) -> Vec<Vec<f64>> {
        let mut values = vec![Vec::with_capacity(items); strengths.len()];
        for _ in 0..items {
            let (can_be_fixed, can_be_broken) = (rng.random_bool(0.15), rng.random_bool(0.05));
            for (values, strength) in values.iter_mut().zip(strengths) {
                let fixed = can_be_fixed && rng.random_bool(*strength);
                let broken = can_be_broken && rng.random_bool(0.5);
                values.push(f64::from(u8::from(fixed)) - f64::from(u8::from(broken)));
            }
        }
        values
    }

    /// Runs a race with drop points from 48 on; returns the survivors and the number of values used.
    fn race(values: &[Vec<f64>], error_rate: f64) -> (Vec<usize>, usize) {
        let total = values[0].len();
        let mut running: Vec<usize> = (0..values.len()).collect();
        let (mut used, mut seen) = (0, 0);
        for point in [48, 64, 96, 128, 192, 256, 384, total] {
            used += running.len() * (point - seen);
            seen = point;
            let first: Vec<Vec<f64>> = running.iter().map(|i| values[*i][..point].to_vec()).collect();
            let stays = may_lead(&first, &vec![true; running.len()], total, error_rate);
            if point < total {
                running = running.into_iter().zip(stays).filter(|(_, stays)| *stays).map(|(i, _)| i).collect();
            }
        }
        (running, used)
    }

    /// One candidate is truly better than 23 others, which are nearly as good or worse: in all looks together, the race drops
    /// it in at most three times the error rate of the runs, and asks clearly fewer items than without dropping.
    #[test]
    fn the_best_of_correlated_candidates_is_rarely_dropped() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let strengths: Vec<f64> = (0..24).map(|i| if i == 0 { 0.6 } else { 0.55 - 0.02 * f64::from(i) }).collect();
        for error_rate in [0.05, 0.1] {
            let (mut dropped, mut used) = (0, 0);
            let runs = 200;
            for _ in 0..runs {
                let values = correlated(&mut rng, &strengths, 480);
                let (survivors, items) = race(&values, error_rate);
                dropped += usize::from(!survivors.contains(&0));
                used += items;
            }
            let share = dropped as f64 / f64::from(runs);
            assert!(share <= 3.0 * error_rate, "{error_rate}: {share}");
            assert!(used < runs as usize * 24 * 480 * 2 / 3, "{error_rate}: {used}");
        }
    }

    #[test]
    fn a_candidate_that_cannot_lead_is_no_leader() {
        let good: Vec<f64> = [1.0, 0.5].repeat(20);
        let poor: Vec<f64> = [0.0, 0.1].repeat(20);
        assert_eq!(may_lead(&[good.clone(), poor.clone()], &[true, true], 100, 0.05), [true, false]);
        assert_eq!(may_lead(&[good.clone(), poor.clone()], &[false, true], 100, 0.05), [true, true]);
        assert_eq!(may_lead(&[good, poor], &[false, false], 100, 0.05), [true, false]);
        assert!(may_lead(&[], &[], 100, 0.05).is_empty());
    }
}
