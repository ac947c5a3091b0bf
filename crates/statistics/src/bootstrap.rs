//! Cluster bootstrap: takes values of items and groups, gives a percentile interval of their mean or of a ratio of sums.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::groups::group_sums;

/// 95 % percentile bootstrap interval `[low, high]` of the mean of `differences`, in the same unit; `None` with fewer
/// than two groups or no resamples, because the data then say nothing about the spread.
///
/// Each of the `resamples` draws takes G groups with replacement out of the G groups there are, and averages over the
/// items in them: Σ (group sum) / Σ (group size). The interval is the 2.5 % and the 97.5 % quantile of these means.
///
/// `differences` (for instance edit − base) and `groups` (group id of each item) are `[items]`, in the same order of
/// items. The same `seed` gives the same interval.
///
/// Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentile interval), with groups
/// as the units that are drawn.
///
/// # Panics
/// If the slices differ in length.
pub fn bootstrap_ci95(differences: &[f64], groups: &[u32], resamples: usize, seed: u64) -> Option<[f64; 2]> {
    let sums: Vec<[f64; 2]> = group_sums(differences, groups).iter().map(|(sum, n)| [*sum, *n as f64]).collect();
    ratios_ci95(&sums, resamples, seed)
}

/// 95 % percentile bootstrap interval `[low, high]` of Σ `numerators` / Σ `denominators`, drawn by groups as in
/// [`bootstrap_ci95`]; `None` with fewer than two groups or no resamples, or if so many draws have no denominator that the
/// upper end is infinite.
///
/// `numerators`, `denominators` (0 or more) and `groups` (group id of each item) are `[items]`, in the same order of
/// items. The same `seed` gives the same interval.
///
/// # Panics
/// If the slices differ in length.
pub fn bootstrap_ratio_ci95(
    numerators: &[f64],
    denominators: &[f64],
    groups: &[u32],
    resamples: usize,
    seed: u64,
) -> Option<[f64; 2]> {
    let sums = group_sums(numerators, groups).into_iter().zip(group_sums(denominators, groups));
    let sums: Vec<[f64; 2]> = sums.map(|((numerator, _), (denominator, _))| [numerator, denominator]).collect();
    ratios_ci95(&sums, resamples, seed)
}

/// Interval of the ratio of two sums over groups; `sums` has numerator and denominator of each group.
fn ratios_ci95(sums: &[[f64; 2]], resamples: usize, seed: u64) -> Option<[f64; 2]> {
    if sums.len() < 2 || resamples == 0 {
        return None;
    }
    // ChaCha8 gives the same numbers on every platform and in every version, so stored intervals can be reproduced.
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut ratios: Vec<f64> = (0..resamples)
        .map(|_| {
            let mut total = [0.0, 0.0];
            for _ in 0..sums.len() {
                let [numerator, denominator] = sums[rng.random_range(0..sums.len())];
                total[0] += numerator;
                total[1] += denominator;
            }
            // A draw without a denominator may stand for any ratio: it widens the interval upwards.
            if total[1] > 0.0 { total[0] / total[1] } else { f64::INFINITY }
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let high = quantile(&ratios, 0.975);
    high.is_finite().then(|| [quantile(&ratios, 0.025), high])
}

/// Quantile `q` in 0..=1 of ascending values, interpolated linearly between the two nearest (type 7 of Hyndman & Fan
/// 1996, the default of NumPy and R).
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (position - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(n: usize) -> Vec<f64> {
        (0..n).map(|i| [1.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0][i % 7]).collect()
    }

    #[test]
    fn independent_items_give_the_normal_interval() {
        let n = 700;
        let values = example(n);
        let groups: Vec<u32> = (0..n as u32).collect();
        let [low, high] = bootstrap_ci95(&values, &groups, 20_000, 7).expect("many groups");
        let mean = 1.0 / 7.0;
        let stderr = ((3.0 / 7.0 - mean * mean) / n as f64).sqrt();
        assert!((low - (mean - 1.96 * stderr)).abs() < 0.1 * stderr, "{low}");
        assert!((high - (mean + 1.96 * stderr)).abs() < 0.1 * stderr, "{high}");
    }

    #[test]
    fn copies_of_items_widen_the_interval() {
        let values: Vec<f64> = example(140).iter().flat_map(|&v| [v; 4]).collect();
        let alone: Vec<u32> = (0..values.len() as u32).collect();
        let together: Vec<u32> = alone.iter().map(|i| i / 4).collect();
        let width = |groups: &[u32]| {
            let [low, high] = bootstrap_ci95(&values, groups, 4_000, 1).expect("many groups");
            high - low
        };
        let ratio = width(&together) / width(&alone);
        assert!((ratio - 2.0).abs() < 0.15, "four copies double the width, got {ratio}");
    }

    #[test]
    fn a_ratio_has_the_interval_of_its_linear_approximation() {
        // 40 of 200 items succeed of the 120 that are tried.
        let tried: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i % 5 < 3))).collect();
        let succeeded: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i % 5 == 0))).collect();
        let groups: Vec<u32> = (0..200).collect();
        let [low, high] = bootstrap_ratio_ci95(&succeeded, &tried, &groups, 20_000, 4).expect("many groups");
        // Delta method: the variance of (s − r·t) over the squared mean of t.
        let ratio = 1.0 / 3.0;
        let squares: f64 = succeeded.iter().zip(&tried).map(|(s, t)| (s - ratio * t).powi(2)).sum();
        let stderr = squares.sqrt() / 120.0;
        assert!((low - (ratio - 1.96 * stderr)).abs() < 0.15 * stderr, "{low}");
        assert!((high - (ratio + 1.96 * stderr)).abs() < 0.15 * stderr, "{high}");
        // With ones for the denominators it is a mean.
        let ones = vec![1.0; 200];
        let mean = bootstrap_ci95(&succeeded, &groups, 500, 9);
        assert_eq!(bootstrap_ratio_ci95(&succeeded, &ones, &groups, 500, 9), mean);
        // One item in a hundred was tried: a draw without it says nothing.
        let one: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i == 3))).collect();
        assert_eq!(bootstrap_ratio_ci95(&one, &one, &groups[..100], 500, 9), None);
    }

    #[test]
    fn covers_the_true_mean_95_times_in_100() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let groups: Vec<u32> = (0..200).map(|i| i / 2).collect();
        let covered = (0..400)
            .filter(|&trial| {
                let values: Vec<f64> =
                    (0..100).flat_map(|_| [if rng.random_bool(0.3) { 1.0 } else { 0.0 }; 2]).collect();
                let [low, high] = bootstrap_ci95(&values, &groups, 500, trial).expect("groups");
                low <= 0.3 && 0.3 <= high
            })
            .count();
        assert!((360..=395).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn the_seed_decides_and_one_group_has_no_interval() {
        let groups: Vec<u32> = (0..70).collect();
        let run = |seed| bootstrap_ci95(&example(70), &groups, 200, seed);
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
        assert_eq!(bootstrap_ci95(&[1.0, 1.0], &[4, 4], 100, 0), None);
        assert_eq!(bootstrap_ci95(&[], &[], 100, 0), None);
    }
}
