//! What scoring needs of a row of logits: its log-partition, its maximum, and the log-probabilities of a few tokens.

use multiversion::multiversion;

use super::{LANES, exp};

/// Summary of one row of logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RowSummary {
    /// Most likely token; the first of equals.
    pub(crate) argmax: u32,
    /// `ln Σ exp(logit)`, nats; not finite if any logit is not.
    pub(crate) log_partition: f64,
    /// Whether another token has exactly the largest logit too.
    pub(crate) tied: bool,
}

/// Summarises one row of logits.
pub(crate) fn summarise(logits: &[f32]) -> RowSummary {
    let max = maximum(logits);
    RowSummary {
        argmax: first(logits, max).unwrap_or(0),
        log_partition: f64::from(max) + sum_exp(logits, max).ln(),
        tied: logits.iter().filter(|v| **v == max).count() > 1,
    }
}

/// The most likely token alone, the first of equals; `None` if any logit is not finite.
pub(crate) fn argmax(logits: &[f32]) -> Option<u32> {
    first(logits, maximum(logits))
}

fn first(logits: &[f32], value: f32) -> Option<u32> {
    logits.iter().position(|v| *v == value).and_then(|token| u32::try_from(token).ok())
}

/// The largest value; NaN if any value is not finite.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq+avx512bw", "x86_64+avx2", "aarch64+neon"))]
fn maximum(logits: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut poison = [0f32; LANES];
    let chunks = logits.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
            poison[lane] += chunk[lane] * 0.0; // NaN and ∞ stay visible, finite values add nothing
        }
    }
    let mut max = rest.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = rest.iter().map(|v| v * 0.0).sum::<f32>();
    for lane in 0..LANES {
        max = max.max(lanes[lane]);
        sum += poison[lane];
    }
    if sum == 0.0 { max } else { f32::NAN }
}

/// `Σ exp(logit − max)`: f32 in blocks of 256 lanes, f64 across blocks.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_naive_sum_and_sees_what_is_not_finite() {
        for n in [1, 15, 16, 17, 5000] {
            let logits: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1000) as f32 / 50.0 - 10.0).collect();
            let naive: f64 = logits.iter().map(|v| f64::from(*v).exp()).sum::<f64>().ln();
            let summary = summarise(&logits);
            assert!((summary.log_partition - naive).abs() < 1e-5);
            let best = logits.iter().copied().fold(f32::MIN, f32::max);
            assert_eq!(logits[summary.argmax as usize], best);
            assert_eq!(argmax(&logits), Some(summary.argmax));
            assert_eq!(summary.tied, logits.iter().filter(|v| **v == best).count() > 1);
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut logits = logits.clone();
                logits[n / 2] = bad;
                assert!(!summarise(&logits).log_partition.is_finite());
                assert_eq!(argmax(&logits), None);
            }
        }
    }
}
