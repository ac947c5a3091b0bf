//! Rank correlation: takes two values of each edit or item, such as a cheap prediction and a measured score, gives how
//! well their orders agree, and a p-value.

use super::permutation::permutation_p;

/// Spearman's rank correlation of paired values, −1..=1; `None` with fewer than two pairs, if all values of one side
/// are equal, or if a value is NaN.
///
/// Pearson's correlation of the ranks; equal values share the mean of their ranks, as in SciPy's `spearmanr`. `a` and
/// `b` are `[pairs]`, in the same order of pairs; only the order of values matters, so their units may differ.
///
/// Source: Spearman 1904, "The proof and measurement of association between two things".
///
/// # Panics
/// If the slices differ in length.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    assert_eq!(a.len(), b.len(), "pairs have two sides");
    if a.iter().chain(b).any(|v| v.is_nan()) {
        return None;
    }
    let (a, b) = (average_ranks(a), average_ranks(b));
    // Ranks sum to n(n+1)/2 even with ties, so both sides have the same known mean.
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    // Rounding can push the quotient just above 1.
    (spread > 0.0).then(|| (product(&a, &b) / spread).clamp(-1.0, 1.0))
}

/// Two-sided p-value, 0..=1, of [`rank_correlation`] by exchange of the ranks of whole groups ([`permutation_p`]); `None`
/// where there is no correlation or nothing can be exchanged.
///
/// `a`, `b` and `groups` (group id of each item) are `[items]`, in the same order of items. The same `seed` gives the same
/// p-value.
///
/// # Panics
/// If the slices differ in length.
pub fn rank_correlation_p(a: &[f64], b: &[f64], groups: &[u32], permutations: usize, seed: u64) -> Option<f64> {
    rank_correlation(a, b)?;
    permutation_p(&average_ranks(a), &average_ranks(b), groups, permutations, seed)
}

/// Rank of each value in ascending order, counted from 1; equal values share the mean of their ranks.
fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    // `==`, not the total order: −0 and 0 are a tie.
    for equal in order.chunk_by(|i, j| values[*i] == values[*j]) {
        let rank = before as f64 + (equal.len() as f64 + 1.0) / 2.0;
        equal.iter().for_each(|i| ranks[*i] = rank);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // scipy.stats.spearmanr(a, b).statistic
        let cases: [(&[f64], &[f64], f64); 3] = [
            (&[1., 2., 3., 4., 5.], &[5., 6., 7., 8., 7.], 0.820_782_681_668_123_3),
            (&[3., 1., 4., 1., 5., 9., 2., 6.], &[2., 7., 1., 8., 2., 8., 1., 8.], 0.198_853_681_209_924_67),
            (&[0.5, -1.5, 2.25, 2.25, 2.25, 9., -3.], &[10., 3., 3., -7., 0.25, 1., 0.25], -0.169_841_555_121_689_39),
        ];
        for (a, b, expected) in cases {
            let got = rank_correlation(a, b).expect("both sides vary");
            assert!((got - expected).abs() < 1e-12, "{got}, not {expected}");
        }
    }

    #[test]
    fn orders_and_ties() {
        let a = [0.3, -2.0, 7.5, 1.0];
        let up: Vec<f64> = a.iter().map(|v: &f64| v.exp()).collect();
        let down: Vec<f64> = a.iter().map(|v| -v.powi(3)).collect();
        assert_eq!(rank_correlation(&a, &up), Some(1.0));
        assert_eq!(rank_correlation(&a, &down), Some(-1.0));
        assert_eq!(average_ranks(&[2.0, -0.0, 5.0, 0.0, 2.0, 2.0]), [4.0, 1.5, 6.0, 1.5, 4.0, 4.0]);
    }

    #[test]
    fn the_p_value_is_that_of_scipy_for_many_items() {
        let (a, b): (Vec<f64>, Vec<f64>) =
            (0..120_u32).map(|i| (f64::from(i * 37 % 101), f64::from((i * i * 13 + i) % 89 + 120 - i))).unzip();
        let groups: Vec<u32> = (0..120).collect();
        // scipy 1.17.1: scipy.stats.spearmanr(a, b)
        let rho = rank_correlation(&a, &b).expect("both vary");
        assert!((rho - 0.109_175_393_689_070_99).abs() < 1e-12, "{rho}");
        let p = rank_correlation_p(&a, &b, &groups, 20_000, 5).expect("both vary");
        assert!((p - 0.235_231_435_239_683_32).abs() < 0.012, "{p}");
        // Ranks are tested, not values.
        let steep: Vec<f64> = b.iter().map(|b| (b / 10.0).exp()).collect();
        assert_eq!(rank_correlation_p(&a, &steep, &groups, 20_000, 5), Some(p));
        assert_eq!(rank_correlation_p(&a, &[1.0; 120], &groups, 100, 5), None);
    }

    #[test]
    fn no_spread_gives_none() {
        assert_eq!(rank_correlation(&[], &[]), None);
        assert_eq!(rank_correlation(&[1.0], &[2.0]), None);
        assert_eq!(rank_correlation(&[1.0, 1.0], &[2.0, 3.0]), None);
        assert_eq!(rank_correlation(&[1.0, f64::NAN], &[2.0, 3.0]), None);
    }
}
