//! Standard errors as the harness computes them.

use laser_task::harness::python_random::PythonRandom;
use rayon::prelude::*;

/// Resamples of a bootstrap.
pub(crate) const ITERATIONS: usize = 100_000;
/// Resamples of one seed.
const CHUNK: usize = 1000;

/// Of a mean: s / √n with Bessel's correction. `values` are at least two.
pub(super) fn of_mean(values: &[f64]) -> f64 {
    deviation(values) / (values.len() as f64).sqrt()
}

/// Of a perplexity exp(−mean): the deviation of `iterations` resamples, a thousand drawn by the seeds 0, 1, 2, ….
pub(super) fn of_perplexity(logprobs: &[f64], iterations: usize) -> f64 {
    let n = logprobs.len();
    let chunk = |seed: usize| {
        let mut random = PythonRandom::new(seed as u64);
        let mut resample = || {
            let sum: f64 = (0..n).map(|_| logprobs[random.choice(n)]).sum();
            (-sum / n as f64).exp()
        };
        (0..CHUNK.min(iterations)).map(|_| resample()).collect::<Vec<f64>>()
    };
    let chunks = iterations / CHUNK.min(iterations).max(1);
    let resamples: Vec<Vec<f64>> = (0..chunks).into_par_iter().map(chunk).collect();
    deviation(&resamples.concat())
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers by lm-evaluation-harness 0.4.13.
    #[test]
    fn errors_are_the_harnesss() {
        let values = [-0.5, -1.25, -3.0, -0.1, -2.2, -7.5, -0.9];
        assert!((of_mean(&values) - 0.9589446438309006).abs() < 1e-14);
        assert!((of_perplexity(&values, 300) / 21.909601582460574 - 1.0).abs() < 1e-12);
        assert!((of_perplexity(&values, 3000) / 19.63847685040135 - 1.0).abs() < 1e-12);
    }
}
