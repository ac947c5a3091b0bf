//! Summaries of one model: takes per-item values, gives their mean, its standard error and an interval.

use super::Z_975;
use super::groups::group_sums;

/// Arithmetic mean of `values` (`[items]`), in their unit; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Standard error of the mean of `values` with items clustered by group, in the unit of `values`; `None` with fewer
/// than two groups.
///
/// √(G/(G−1) · Σ_g (Σ_{i∈g} (xᵢ − x̄))²) / n for n items in G groups; with one item per group this is the usual s/√n.
///
/// `values` and `groups` (group id of each item) are `[items]`, in the same order of items.
///
/// Source: the cluster-robust variance of a mean with the small-sample factor G/(G−1) (Liang & Zeger 1986; Miller 2024,
/// "Adding Error Bars to Evals", arXiv 2411.00640).
///
/// # Panics
/// If the slices differ in length.
pub fn clustered_stderr(values: &[f64], groups: &[u32]) -> Option<f64> {
    let mean = mean(values)?;
    let sums = group_sums(values, groups);
    let count = sums.len() as f64;
    let squares: f64 = sums.iter().map(|&(sum, n)| (sum - mean * n as f64).powi(2)).sum();
    (sums.len() > 1).then(|| (count / (count - 1.0) * squares).sqrt() / values.len() as f64)
}

/// Effective sample size: number of independent items that would give the same standard error as these grouped ones,
/// in 1..=n.
///
/// n · (standard error without groups / standard error with groups)². If the values do not vary, neither error says
/// anything, and the number of groups is returned.
///
/// `values` and `groups` (group id of each item) are `[items]`, in the same order of items.
///
/// Source: Kish 1965, "Survey Sampling": n divided by the design effect.
///
/// # Panics
/// If the slices differ in length.
pub fn effective_items(values: &[f64], groups: &[u32]) -> f64 {
    let n = values.len() as f64;
    let each_alone: Vec<u32> = (0..).take(values.len()).collect();
    match (clustered_stderr(values, &each_alone), clustered_stderr(values, groups)) {
        (Some(naive), Some(clustered)) if clustered > 0.0 => (n * (naive / clustered).powi(2)).clamp(1.0, n),
        _ => group_sums(values, groups).len() as f64,
    }
}

/// Wilson's 95 % score interval `[low, high]` of a rate, fractions in 0..=1; `None` for `n` ≤ 0.
///
/// (r + z²/2n ± z·√(r(1−r)/n + z²/4n²)) / (1 + z²/n) with z = z₀.₉₇₅. `rate` r is a fraction in 0..=1 seen on `n`
/// independent items; for grouped items pass [`effective_items`] as `n`.
///
/// Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
pub fn wilson_ci95(rate: f64, n: f64) -> Option<[f64; 2]> {
    let z2 = Z_975 * Z_975;
    let centre = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_975 / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    // Rounding can push the ends just outside 0..=1.
    (n > 0.0).then(|| [(centre - half).max(0.0), (centre + half).min(1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stderr_without_groups_is_s_over_root_n() {
        let values = [1.0, 0.0, 1.0, 1.0];
        // s² = 0.25, s/√4 = 0.25
        let got = clustered_stderr(&values, &[3, 1, 2, 9]).expect("four groups");
        assert!((got - 0.25).abs() < 1e-15);
    }

    #[test]
    fn copies_of_items_do_not_change_the_stderr() {
        let values = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
        let alone = clustered_stderr(&values, &[0, 1, 2, 3, 4, 5, 6]).expect("groups");
        let copied: Vec<f64> = values.iter().flat_map(|&v| [v; 3]).collect();
        let groups: Vec<u32> = (0..21).map(|i| i / 3).collect();
        let together = clustered_stderr(&copied, &groups).expect("groups");
        assert!((alone - together).abs() < 1e-15);
        let effective = effective_items(&copied, &groups);
        // The 7 originals, up to the small-sample factors (7 − 1)/7 and (21 − 1)/21.
        assert!((effective - 7.0 * (6.0 / 7.0) / (20.0 / 21.0)).abs() < 1e-9, "{effective}");
    }

    #[test]
    fn too_few_groups_or_items_give_none() {
        assert_eq!(mean(&[]), None);
        assert_eq!(clustered_stderr(&[1.0, 0.0], &[5, 5]), None);
        assert_eq!(effective_items(&[1.0, 1.0, 1.0], &[0, 0, 1]), 2.0);
        assert_eq!(effective_items(&[1.0, 0.0], &[0, 0]), 1.0);
        assert_eq!(wilson_ci95(0.5, 0.0), None);
    }

    #[test]
    fn wilson_known_values() {
        // R: prop.test(x, n, correct = FALSE)
        for (right, n, low, high) in
            [(8.0, 10.0, 0.4901625, 0.9433178), (0.0, 20.0, 0.0, 0.1611252), (50.0, 100.0, 0.4038315, 0.5961685)]
        {
            let [got_low, got_high] = wilson_ci95(right / n, n).expect("items");
            assert!((got_low - low).abs() < 1e-6 && (got_high - high).abs() < 1e-6);
        }
    }
}
