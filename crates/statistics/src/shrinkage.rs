//! Shrinkage: takes the measured gains of many candidates with their standard errors, gives better estimates of each
//! true gain.
//!
//! The largest of many measured gains is too large: it was partly luck that made it the largest. If the candidates'
//! true gains scatter around a mean, the best estimate of each lies between its measured gain and that mean, the nearer to
//! the mean the more of the scatter is measurement error (James and Stein 1961; Efron and Morris 1975, "Data analysis
//! using Stein's estimator and its generalizations"). After shrinkage the largest estimate is no longer biased.

/// A measured or estimated value with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value, in any unit.
    pub value: f64,
    /// Its standard error, in the same unit.
    pub stderr: f64,
}

impl Estimate {
    /// How many standard errors the value is above 0; 0 if both are 0.
    pub fn z(self) -> f64 {
        if self.value == 0.0 { 0.0 } else { self.value / self.stderr }
    }
}

/// Number of values of τ over which estimates are averaged.
const TAUS: usize = 64;
/// Largest τ, as a multiple of the largest distance between two measured values.
const LARGEST_TAU: f64 = 3.0;

/// Estimates of the true values behind `measured`, in the same order, if these scatter normally.
///
/// True values have a mean μ and a standard deviation τ, both unknown, with flat priors (the hierarchical model of Gelman
/// et al. 2013, "Bayesian Data Analysis", section 5.4). For a given τ an estimate is `μ + B·(x − μ)` with
/// `B = τ²/(τ² + s²)`; estimates are averaged over τ by its posterior probability, so that the standard errors include
/// that τ is uncertain. Fewer than three candidates, or candidates without error, stay as they are.
pub fn shrink(measured: &[Estimate]) -> Vec<Estimate> {
    let values = || measured.iter().map(|m| m.value);
    let range = values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min);
    if measured.len() < 3 || range <= 0.0 || measured.iter().any(|m| m.stderr <= 0.0) {
        return measured.to_vec();
    }
    let given: Vec<GivenTau> =
        (0..TAUS).map(|i| GivenTau::new(measured, LARGEST_TAU * range * i as f64 / (TAUS - 1) as f64)).collect();
    let largest = given.iter().map(|g| g.log_probability).fold(f64::NEG_INFINITY, f64::max);
    let probabilities: Vec<f64> = given.iter().map(|g| (g.log_probability - largest).exp()).collect();
    let total: f64 = probabilities.iter().sum();
    let average = |of: &dyn Fn(&GivenTau) -> f64| {
        given.iter().zip(&probabilities).map(|(given, p)| p * of(given)).sum::<f64>() / total
    };
    let estimate = |i: usize| {
        let value = average(&|given| given.estimates[i].value);
        let variance = average(&|given| given.estimates[i].stderr.powi(2) + (given.estimates[i].value - value).powi(2));
        Estimate { value, stderr: variance.sqrt() }
    };
    (0..measured.len()).map(estimate).collect()
}

/// Estimates for a known standard deviation τ of the true values.
struct GivenTau {
    /// Log-probability of the measured values, up to a constant.
    log_probability: f64,
    estimates: Vec<Estimate>,
}

impl GivenTau {
    fn new(measured: &[Estimate], tau: f64) -> Self {
        let weights: Vec<f64> = measured.iter().map(|m| 1.0 / (m.stderr.powi(2) + tau.powi(2))).collect();
        let sum: f64 = weights.iter().sum();
        let mean = weights.iter().zip(measured).map(|(w, m)| w * m.value).sum::<f64>() / sum;
        let misfit: f64 = weights.iter().zip(measured).map(|(w, m)| w * (m.value - mean).powi(2)).sum();
        let log_probability = 0.5 * (weights.iter().map(|w| w.ln()).sum::<f64>() - sum.ln() - misfit);
        let estimate = |(m, weight): (&Estimate, &f64)| {
            let b = tau.powi(2) * weight;
            // The uncertainty of μ is 1/Σw.
            let variance = b * m.stderr.powi(2) + (1.0 - b).powi(2) / sum;
            Estimate { value: mean + b * (m.value - mean), stderr: variance.sqrt() }
        };
        Self { log_probability, estimates: measured.iter().zip(&weights).map(estimate).collect() }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// A normal random number: the sum of twelve uniform ones.
    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    }

    /// The measured gain of the best of 20 is too large by about 1.5 standard errors if all are equal; its estimate is not.
    #[test]
    fn the_estimate_of_the_best_is_not_inflated() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (spread, runs) in [(0.0, 400), (1.0, 400), (3.0, 400)] {
            let (mut raw, mut shrunk) = (0.0, 0.0);
            for _ in 0..runs {
                let truth: Vec<f64> = (0..20).map(|_| 2.0 + spread * normal(&mut rng)).collect();
                let measured: Vec<Estimate> =
                    truth.iter().map(|t| Estimate { value: t + normal(&mut rng), stderr: 1.0 }).collect();
                let estimates = shrink(&measured);
                let best = |of: &[Estimate]| {
                    (0..20).max_by(|a, b| of[*a].value.total_cmp(&of[*b].value)).expect("twenty candidates")
                };
                let chosen = best(&measured);
                assert_eq!(chosen, best(&estimates), "equal errors keep the order");
                raw += (measured[chosen].value - truth[chosen]) / f64::from(runs);
                shrunk += (estimates[chosen].value - truth[chosen]) / f64::from(runs);
            }
            assert!(raw > 0.3 && shrunk.abs() < 0.3 * raw, "{spread}: {raw} {shrunk}");
        }
    }

    /// The standard errors are as large as the errors.
    #[test]
    fn the_standard_error_is_honest() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let (mut squares, mut count) = (0.0, 0.0);
        for _ in 0..300 {
            let truth: Vec<f64> = (0..15).map(|_| normal(&mut rng)).collect();
            let measured: Vec<Estimate> = truth
                .iter()
                .enumerate()
                .map(|(i, t)| {
                    let stderr = if i % 2 == 0 { 1.0 } else { 2.0 };
                    Estimate { value: t + stderr * normal(&mut rng), stderr }
                })
                .collect();
            for (estimate, truth) in shrink(&measured).iter().zip(&truth) {
                squares += ((estimate.value - truth) / estimate.stderr).powi(2);
                count += 1.0;
            }
        }
        assert!((0.8..1.35).contains(&(squares / count)), "{}", squares / count);
    }

    #[test]
    fn one_candidate_and_candidates_without_error_stay() {
        let one = [Estimate { value: 0.3, stderr: 0.1 }];
        assert_eq!(shrink(&one), one);
        let exact = [Estimate { value: 0.0, stderr: 0.0 }, Estimate { value: 1.0, stderr: 0.0 }];
        assert_eq!(shrink(&exact), exact);
        assert_eq!((one[0].z(), exact[0].z()), (0.3 / 0.1, 0.0));
        assert!(shrink(&[]).is_empty());
    }
}
