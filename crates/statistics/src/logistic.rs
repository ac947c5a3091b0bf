//! Logistic regression with one predictor: takes yes/no outcomes and a number for each item, gives the slope.

use super::special::normal_cdf;

/// A fitted line of log-odds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticFit {
    /// Log-odds at predictor 0.
    pub intercept: f64,
    /// Change of the log-odds when the predictor rises by 1.
    pub slope: f64,
    /// Standard error of the slope.
    pub stderr: f64,
}

impl LogisticFit {
    /// Wald's two-sided p-value of the slope.
    pub fn p(&self) -> f64 {
        (2.0 * normal_cdf(-(self.slope / self.stderr).abs())).min(1.0)
    }
}

/// Fits P(outcome) = 1/(1 + e^−(intercept + slope·x)) by maximum likelihood; `None` if the outcomes or the predictor do
/// not vary, or a threshold of x separates the outcomes, so that the slope has no finite estimate.
///
/// `outcomes` and `x` are `[items]`. Newton's method from the logit of the mean.
///
/// # Panics
/// If the slices differ in length.
pub fn logistic_fit(outcomes: &[bool], x: &[f64]) -> Option<LogisticFit> {
    assert_eq!(outcomes.len(), x.len(), "one outcome for each item");
    let n = outcomes.len() as f64;
    let mean = outcomes.iter().filter(|outcome| **outcome).count() as f64 / n;
    let centre = x.iter().sum::<f64>() / n;
    if !(mean > 0.0 && mean < 1.0) {
        return None;
    }
    let (mut intercept, mut slope) = ((mean / (1.0 - mean)).ln(), 0.0);
    for _ in 0..50 {
        // Gradient and Hessian of the log-likelihood; the predictor is centred, which keeps the two apart.
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (outcome, x) in outcomes.iter().zip(x) {
            let x = x - centre;
            let p = 1.0 / (1.0 + (-(intercept + slope * x)).exp());
            let (residual, weight) = (f64::from(u8::from(*outcome)) - p, p * (1.0 - p));
            g0 += residual;
            g1 += residual * x;
            h00 += weight;
            h01 += weight * x;
            h11 += weight * x * x;
        }
        let determinant = h00 * h11 - h01 * h01;
        // Separated outcomes drive all weights towards 0; a predictor that does not vary has no curvature.
        if determinant.is_nan() || determinant <= 1e-12 * n * n * h00.max(1e-12) * f64::EPSILON {
            return None;
        }
        let step = [(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant];
        intercept += step[0];
        slope += step[1];
        if step[0].abs() + step[1].abs() < 1e-10 {
            let stderr = (h00 / determinant).sqrt();
            return Some(LogisticFit { intercept: intercept - slope * centre, slope, stderr });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn one_binary_predictor_gives_the_log_odds_ratio() {
        // 12 of 17 with x = 1 and 7 of 37 with x = 0.
        let group = |x: f64, yes: usize, n: usize| (0..n).map(move |i| (i < yes, x));
        let (outcomes, x): (Vec<bool>, Vec<f64>) = group(1.0, 12, 17).chain(group(0.0, 7, 37)).unzip();
        let fit = logistic_fit(&outcomes, &x).expect("a slope");
        assert!((fit.intercept - (7.0 / 30.0_f64).ln()).abs() < 1e-9, "{fit:?}");
        assert!((fit.slope - (12.0 * 30.0 / 35.0_f64).ln()).abs() < 1e-9, "{fit:?}");
        let stderr = (1.0 / 12.0 + 1.0 / 5.0 + 1.0 / 7.0 + 1.0 / 30.0_f64).sqrt();
        assert!((fit.stderr - stderr).abs() < 1e-8, "{fit:?}");
        assert!((fit.p() - 2.0 * normal_cdf(-fit.slope / stderr)).abs() < 1e-8);
    }

    #[test]
    fn a_known_slope_is_recovered_and_the_likelihood_is_largest_there() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let x: Vec<f64> = (0..4_000).map(|_| rng.random_range(5.0..9.0)).collect();
        let outcomes: Vec<bool> = x.iter().map(|x| rng.random_bool(1.0 / (1.0 + (6.0 - 0.8 * x).exp()))).collect();
        let fit = logistic_fit(&outcomes, &x).expect("a slope");
        assert!((fit.slope - 0.8).abs() < 4.0 * fit.stderr && fit.stderr < 0.05, "{fit:?}");
        let likelihood = |intercept: f64, slope: f64| -> f64 {
            let of =
                |(yes, x): (&bool, &f64)| -((if *yes { -1.0 } else { 1.0 }) * (intercept + slope * x)).exp().ln_1p();
            outcomes.iter().zip(&x).map(of).sum()
        };
        let best = likelihood(fit.intercept, fit.slope);
        for (a, b) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.002), (0.0, -0.002)] {
            assert!(likelihood(fit.intercept + a, fit.slope + b) < best);
        }
    }

    #[test]
    fn no_finite_slope_gives_none() {
        assert_eq!(logistic_fit(&[], &[]), None);
        assert_eq!(logistic_fit(&[true, true], &[1.0, 2.0]), None);
        assert_eq!(logistic_fit(&[true, false], &[1.0, 1.0]), None);
        assert_eq!(logistic_fit(&[false, false, true, true], &[1.0, 2.0, 3.0, 4.0]), None);
    }
}
