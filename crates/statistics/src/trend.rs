//! Trend: takes successes and trials in ordered bins, gives whether the rate rises or falls along them.

use super::special::normal_cdf;

/// Result of a test for a trend of rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrendTest {
    /// Test statistic, standard normal where there is no trend; positive where the rate rises with the scores.
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
}

/// The Cochran–Armitage test for a linear trend of the rate of successes over bins; `None` if the rates or the scores
/// cannot vary.
///
/// `successes`, `trials` and `scores` (the place of each bin, such as its mean log frequency) are `[bins]`.
///
/// z = Σ s_b·(x_b − n_b·p̄) / √(p̄(1 − p̄)·(Σ n_b·s_b² − (Σ n_b·s_b)²/N)), where p̄ is the rate over all bins.
///
/// Source: Armitage 1955, "Tests for linear trends in proportions and frequencies".
///
/// # Panics
/// If the slices differ in length, or a bin has more successes than trials.
pub fn cochran_armitage(successes: &[u64], trials: &[u64], scores: &[f64]) -> Option<TrendTest> {
    assert!(successes.len() == trials.len() && trials.len() == scores.len(), "one of each per bin");
    assert!(successes.iter().zip(trials).all(|(x, n)| x <= n), "at most all trials succeed");
    let n: f64 = trials.iter().map(|n| *n as f64).sum();
    let rate = successes.iter().map(|x| *x as f64).sum::<f64>() / n;
    let weighted = |power: i32| trials.iter().zip(scores).map(|(n, s)| *n as f64 * s.powi(power)).sum::<f64>();
    let spread = rate * (1.0 - rate) * (weighted(2) - weighted(1).powi(2) / n);
    let bins = successes.iter().zip(trials).zip(scores);
    let statistic: f64 = bins.map(|((x, n), s)| s * (*x as f64 - *n as f64 * rate)).sum();
    // `spread` is NaN without trials; the comparison is then false.
    (spread > 0.0).then(|| {
        let z = statistic / spread.sqrt();
        TrendTest { z, p: (2.0 * normal_cdf(-z.abs())).min(1.0) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistic_is_the_correlation_of_items_times_root_n() {
        let (successes, trials, scores) = ([13, 10, 25, 40], [50, 45, 60, 70], [1.0, 2.0, 3.5, 8.0]);
        let got = cochran_armitage(&successes, &trials, &scores).expect("a trend");
        let items: Vec<(f64, f64)> = (0..4)
            .flat_map(|bin| (0..trials[bin]).map(move |i| (scores[bin], f64::from(u8::from(i < successes[bin])))))
            .collect();
        let n = items.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| items.iter().map(of).sum::<f64>() / n;
        let (mx, my) = (mean(|i| i.0), mean(|i| i.1));
        let sum = |of: &dyn Fn(f64, f64) -> f64| items.iter().map(|(x, y)| of(x - mx, y - my)).sum::<f64>();
        let correlation = sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
        assert!((got.z - correlation * n.sqrt()).abs() < 1e-10, "{} {}", got.z, correlation * n.sqrt());
        let down = cochran_armitage(&[40, 25, 10, 13], &[70, 60, 45, 50], &[8.0, 3.5, 2.0, 1.0]).expect("a trend");
        assert!((down.z - got.z).abs() < 1e-12, "the order of bins does not matter");
    }

    #[test]
    fn no_spread_gives_none() {
        assert_eq!(cochran_armitage(&[], &[], &[]), None);
        assert_eq!(cochran_armitage(&[0, 0], &[5, 5], &[1.0, 2.0]), None);
        assert_eq!(cochran_armitage(&[1, 2], &[5, 5], &[1.0, 1.0]), None);
        assert_eq!(cochran_armitage(&[0, 0], &[0, 0], &[1.0, 2.0]), None);
    }
}
