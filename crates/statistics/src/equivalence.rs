//! Equivalence: takes paired differences, gives whether their mean is shown to be near zero.

use super::special::{student_t_cdf, student_t_quantile};
use super::summary::mean;

/// Result of two one-sided tests of a mean against −`margin` and +`margin`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EquivalenceTest {
    /// Mean of the differences.
    pub mean: f64,
    /// The larger of the two one-sided p-values: below α, the mean is shown to lie within the margin.
    pub p: f64,
    /// The 90 % t-interval of the mean, which lies within the margin exactly if `p` < 0.05.
    pub ci90: [f64; 2],
}

/// Two one-sided t-tests (TOST) of H₀: |mean| ≥ `margin`, on independent differences (one for each world, for instance)
/// in the unit of `margin`; `None` with fewer than two differences.
///
/// If the differences do not vary at all, the p-value is 0 or 1, as the mean lies within the margin or not.
///
/// Source: Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach".
pub fn tost(differences: &[f64], margin: f64) -> Option<EquivalenceTest> {
    let n = differences.len() as f64;
    let mean = mean(differences).filter(|_| differences.len() > 1)?;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let stderr = (variance / n).sqrt();
    // Upper tail beyond −margin, lower tail beyond +margin.
    let above = 1.0 - student_t_cdf((mean + margin) / stderr, n - 1.0);
    let below = student_t_cdf((mean - margin) / stderr, n - 1.0);
    let p = if stderr > 0.0 { above.max(below) } else { f64::from(u8::from(mean.abs() >= margin)) };
    let half = student_t_quantile(0.95, n - 1.0) * stderr;
    Some(EquivalenceTest { mean, p, ci90: [mean - half, mean + half] })
}

/// The 95 % t-interval of the mean of independent values (one for each world, for instance), in their unit; `None` with
/// fewer than two values.
pub fn t_interval95(values: &[f64]) -> Option<[f64; 2]> {
    let n = values.len() as f64;
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let variance = values.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student_t_quantile(0.975, n - 1.0) * (variance / n).sqrt();
    Some([mean - half, mean + half])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_and_interval_agree_about_the_margin() {
        let differences = [0.012, -0.004, 0.009, 0.001, 0.006];
        let test = tost(&differences, 0.02).expect("five differences");
        // scipy.stats.ttest_1samp(d, 0.02, alternative="less").pvalue, and confidence_interval(0.9)
        assert!((test.mean - 0.0048).abs() < 1e-12);
        assert!((test.p - 0.002_987_457_493_596_761).abs() < 1e-12, "{}", test.p);
        let [low, high] = test.ci90;
        assert!(
            (low + 0.001_282_304_963_072_97).abs() < 1e-12 && (high - 0.010_882_304_963_073).abs() < 1e-12,
            "{test:?}"
        );
        for margin in [0.005, 0.0105, 0.01088, 0.01089, 0.03] {
            let test = tost(&differences, margin).expect("five differences");
            let inside = test.ci90[0] > -margin && test.ci90[1] < margin;
            assert_eq!(inside, test.p < 0.05, "{margin}: {test:?}");
        }
        let flipped: Vec<f64> = differences.iter().map(|d| -d).collect();
        assert!((tost(&flipped, 0.02).expect("five").p - test.p).abs() < 1e-12);
    }

    #[test]
    fn constant_and_missing_differences() {
        assert_eq!(tost(&[0.01], 0.02), None);
        assert_eq!(t_interval95(&[0.01]), None);
        assert_eq!(tost(&[0.01, 0.01], 0.02).map(|test| test.p), Some(0.0));
        assert_eq!(tost(&[0.03, 0.03], 0.02).map(|test| test.p), Some(1.0));
        let [low, high] = t_interval95(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("five");
        let half = 2.776_445_105_197_798 * 0.5_f64.sqrt();
        assert!((low - (3.0 - half)).abs() < 1e-9 && (high - (3.0 + half)).abs() < 1e-9);
    }
}
