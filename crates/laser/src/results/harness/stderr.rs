//! Standard errors as the harness computes them, with the same random numbers.

use laser_task::harness::PythonRandom;
use rayon::prelude::*;

/// Number of resamples of a bootstrap, the harness's `bootstrap_iters`.
pub(super) const BOOTSTRAP_RESAMPLES: usize = 100_000;
/// Number of resamples that are drawn with one seed; the seeds are 0, 1, 2, ….
const CHUNK: usize = 1000;

/// The standard error s / √n of a mean, with n − 1 in the variance s². `values` must be at least two.
pub(super) fn of_mean(values: &[f64]) -> f64 {
    standard_deviation(values) / (values.len() as f64).sqrt()
}

/// The standard error of the perplexity exp(−mean of `logprobs`): the standard deviation over `resamples` bootstrap
/// resamples. `logprobs`: log-likelihoods in nats, at least two.
pub(super) fn of_perplexity(logprobs: &[f64], resamples: usize) -> f64 {
    let n = logprobs.len();
    let perplexities = |seed: usize| {
        let mut random = PythonRandom::new(seed as u64);
        let mut resample = || {
            let sum: f64 = (0..n).map(|_| logprobs[random.choice(n)]).sum();
            (-sum / n as f64).exp()
        };
        (0..CHUNK.min(resamples)).map(|_| resample()).collect::<Vec<f64>>()
    };
    let chunks = resamples / CHUNK.min(resamples).max(1);
    let all: Vec<Vec<f64>> = (0..chunks).into_par_iter().map(perplexities).collect();
    standard_deviation(&all.concat())
}

/// The standard deviation with n − 1 in the denominator.
fn standard_deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected numbers from lm-evaluation-harness 0.4.13.
    #[test]
    fn standard_errors_equal_the_harness() {
        let values = [-0.5, -1.25, -3.0, -0.1, -2.2, -7.5, -0.9];
        assert!((of_mean(&values) - 0.9589446438309006).abs() < 1e-14);
        assert!((of_perplexity(&values, 300) / 21.909601582460574 - 1.0).abs() < 1e-12);
        assert!((of_perplexity(&values, 3000) / 19.63847685040135 - 1.0).abs() < 1e-12);
    }
}
