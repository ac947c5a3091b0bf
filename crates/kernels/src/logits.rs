//! Reduction of one row of logits to the numbers that scoring needs: the most likely token, the two largest logits and
//! the log-partition.

use multiversion::multiversion;

use crate::elementary::exp;
use crate::sums::LANES;

/// Summary of one row of logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitsSummary {
    /// Most likely token; of several with the same logit the first.
    pub argmax: u32,
    /// The largest logit; NaN if any logit is not finite.
    pub max: f32,
    /// The largest logit of the tokens other than `argmax`; `−∞` in a vocabulary of one token.
    pub runner_up: f32,
    /// `ln Σ exp(logit)`, in nats; not finite if any logit is not.
    pub log_partition: f64,
}

impl LogitsSummary {
    /// Whether two or more tokens have the largest logit.
    #[inline]
    pub fn tied(&self) -> bool {
        self.max == self.runner_up
    }

    /// `log p(token) − log p(most likely other token)`, in nats, for a token with this logit: positive only for
    /// `argmax`.
    #[inline]
    pub fn margin(&self, token: u32, logit: f32) -> f64 {
        let rival = if token == self.argmax { self.runner_up } else { self.max };
        f64::from(logit) - f64::from(rival)
    }
}

/// Summarises one row of logits.
pub fn summarise(logits: &[f32]) -> LogitsSummary {
    let (max, runner_up) = two_largest(logits);
    LogitsSummary {
        argmax: first_equal(logits, max).unwrap_or(0),
        max,
        runner_up,
        log_partition: f64::from(max) + sum_exp(logits, max).ln(),
    }
}

/// Cross-entropy of one row of logits and a class, in nats. The row becomes the gradient of `weight` times it:
/// `weight·(softmax − onehot)`.
///
/// # Panics
/// If the class is outside the row.
pub fn cross_entropy(row: &mut [f32], class: usize, weight: f32) -> f64 {
    let max = row.iter().fold(f32::NEG_INFINITY, |most, v| most.max(*v));
    let logit = f64::from(row[class]);
    let total = exponentials(row, max);
    let factor = weight / total as f32;
    row.iter_mut().for_each(|v| *v *= factor);
    row[class] -= weight;
    f64::from(max) + total.ln() - logit
}

/// Replaces every value `v` by `exp(v − max)`; gives the sum.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn exponentials(row: &mut [f32], max: f32) -> f64 {
    row.iter_mut().for_each(|v| *v = exp(*v - max));
    f64::from(crate::sums::sum(row))
}

/// The most likely token, of several with the same logit the first; `None` if any logit is not finite.
pub fn argmax(logits: &[f32]) -> Option<u32> {
    first_equal(logits, two_largest(logits).0)
}

/// The first token whose logit is `value`; `None` for NaN.
fn first_equal(logits: &[f32], value: f32) -> Option<u32> {
    logits.iter().position(|v| *v == value).and_then(|token| u32::try_from(token).ok())
}

/// The largest and the second largest value, which are equal if two values are, in one pass. Both are NaN if any value
/// is not finite.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn two_largest(logits: &[f32]) -> (f32, f32) {
    let mut first = [f32::NEG_INFINITY; LANES];
    let mut second = [f32::NEG_INFINITY; LANES];
    let mut poison = [0f32; LANES];
    let chunks = logits.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..LANES {
            let v = chunk[lane];
            // Of the lane's largest value so far and the new value, the smaller one may be the second largest. (Written
            // as one choice between two pairs, this does not vectorise on AVX-512.)
            let low = if v < first[lane] { v } else { first[lane] };
            first[lane] = if v > first[lane] { v } else { first[lane] };
            second[lane] = if low > second[lane] { low } else { second[lane] };
            poison[lane] += v * 0.0; // NaN if v is NaN or ±∞, otherwise zero
        }
    }
    let (mut max, mut runner_up) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    // A value that is in neither `first` nor the rest is at most the one in `second` of its lane.
    for v in first.iter().chain(rest) {
        runner_up = runner_up.max(max.min(*v));
        max = max.max(*v);
    }
    runner_up = second.iter().copied().fold(runner_up, f32::max);
    let sum = poison.iter().sum::<f32>() + rest.iter().map(|v| v * 0.0).sum::<f32>();
    if sum != 0.0 { (f32::NAN, f32::NAN) } else { (max, runner_up) }
}

/// `Σ exp(logit − max)`: in f32 within blocks of 256 values per lane, in f64 across blocks, so that the rounding errors
/// of a large vocabulary do not add up.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn sum_exp(logits: &[f32], max: f32) -> f64 {
    let mut total = 0f64;
    for block in logits.chunks(256 * LANES) {
        let mut lanes = [0f32; LANES];
        let chunks = block.chunks_exact(LANES);
        for v in chunks.remainder() {
            total += f64::from(exp(v - max));
        }
        for chunk in chunks {
            for lane in 0..LANES {
                lanes[lane] += exp(chunk[lane] - max);
            }
        }
        total += lanes.iter().map(|v| f64::from(*v)).sum::<f64>();
    }
    total
}

/// Kullback–Leibler divergence `D(p‖q) = Σ p·ln(p/q)` of two distributions given by their rows of logits, nats; `summary`
/// and `other_summary` are those of the rows. At least 0: rounding of equal distributions cannot make it negative.
///
/// With log-partitions A and B it is `Σ p·(a − b) − (A − B)`, so that one exponential a token is enough.
///
/// # Panics
/// If the rows differ in length.
pub fn divergence(logits: &[f32], summary: &LogitsSummary, other: &[f32], other_summary: &LogitsSummary) -> f64 {
    assert_eq!(logits.len(), other.len(), "two distributions over one vocabulary");
    let scale = (f64::from(summary.max) - summary.log_partition).exp(); // 1 / Σ exp(a − max)
    let mean_difference = scale * sum_exp_times_difference(logits, summary.max, other);
    (mean_difference - (summary.log_partition - other_summary.log_partition)).max(0.0)
}

/// `Σ exp(aᵢ − max)·(aᵢ − bᵢ)`, summed as in [`sum_exp`].
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn sum_exp_times_difference(a: &[f32], max: f32, b: &[f32]) -> f64 {
    let mut total = 0f64;
    for (a, b) in a.chunks(256 * LANES).zip(b.chunks(256 * LANES)) {
        let mut lanes = [0f32; LANES];
        let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
        for (a, b) in a_chunks.remainder().iter().zip(b_chunks.remainder()) {
            total += f64::from(exp(a - max) * (a - b));
        }
        for (a, b) in a_chunks.zip(b_chunks) {
            for lane in 0..LANES {
                lanes[lane] += exp(a[lane] - max) * (a[lane] - b[lane]);
            }
        }
        total += lanes.iter().map(|v| f64::from(*v)).sum::<f64>();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_equals_the_naive_one() {
        for n in [1, 17, 5000] {
            let row = |factor: i32| (0..n).map(|i| ((i * factor) % 1000) as f32 / 100.0 - 5.0).collect::<Vec<f32>>();
            let (a, b) = (row(7919), row(7907));
            let log_probabilities = |logits: &[f32]| {
                let partition = logits.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
                logits.iter().map(|v| f64::from(*v) - partition).collect::<Vec<f64>>()
            };
            let pairs = log_probabilities(&a).into_iter().zip(log_probabilities(&b));
            let naive: f64 = pairs.map(|(p, q)| p.exp() * (p - q)).sum();
            let got = divergence(&a, &summarise(&a), &b, &summarise(&b));
            assert!((got - naive).abs() < 1e-5 * naive.max(1.0), "{n}: {got} {naive}");
            assert!(divergence(&a, &summarise(&a), &a, &summarise(&a)) < 1e-6);
        }
    }

    #[test]
    fn summaries_equal_the_naive_ones_and_values_that_are_not_finite_are_found() {
        for n in [1, 15, 16, 17, 5000] {
            let logits: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1000) as f32 / 50.0 - 10.0).collect();
            let naive: f64 = logits.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
            let summary = summarise(&logits);
            assert!((summary.log_partition - naive).abs() < 1e-5);
            let best = logits.iter().copied().fold(f32::MIN, f32::max);
            assert_eq!(logits[summary.argmax as usize], best);
            assert_eq!(summary.tied(), logits.iter().filter(|v| **v == best).count() > 1);
            assert_eq!(argmax(&logits), Some(summary.argmax));
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut logits = logits.clone();
                logits[n / 2] = bad;
                assert!(!summarise(&logits).log_partition.is_finite());
                assert_eq!(argmax(&logits), None);
            }
        }
    }

    #[test]
    fn a_margin_is_the_distance_to_the_best_other_token() {
        // The two largest in one lane, in two lanes, in the remainder, and equal.
        for (n, first, second) in [(64, 5, 21), (64, 5, 6), (70, 69, 68), (70, 3, 69), (40, 39, 3), (2, 0, 1)] {
            for gap in [0.0, 0.5] {
                let mut logits: Vec<f32> = (0..n).map(|i| -1.0 - (i % 7) as f32).collect();
                (logits[first], logits[second]) = (2.0, 2.0 - gap);
                let summary = summarise(&logits);
                for token in 0..n {
                    let others = (0..n).filter(|t| *t != token).map(|t| logits[t]);
                    let naive = logits[token] - others.fold(f32::NEG_INFINITY, f32::max);
                    let margin = summary.margin(u32::try_from(token).expect("small"), logits[token]);
                    assert_eq!(margin, f64::from(naive), "{n}: {first}, {second}, {gap}: {token}");
                }
                assert_eq!(summary.tied(), gap == 0.0);
            }
        }
        assert_eq!(summarise(&[1.0]).margin(0, 1.0), f64::INFINITY);
    }
}
