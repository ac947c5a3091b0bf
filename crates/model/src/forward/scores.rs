//! The output head: takes hidden states of the last block, gives log-probabilities or the most likely token of each
//! row, without keeping the logits.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::Model;
use laser_kernels::logits::{LogitsSummary, argmax, summarise};
use laser_kernels::with_values;

/// Log-probabilities and most likely tokens after one row.
#[derive(Debug, Clone)]
pub struct RowScore {
    /// Most likely token and log-partition function.
    pub summary: LogitsSummary,
    /// Log-probabilities of the wanted tokens, nats.
    pub logprobs: Vec<f64>,
    /// Log-probability of each wanted token minus that of the most likely other token, nats.
    pub margins: Vec<f64>,
    /// The `top` most likely tokens, most likely first, the lower id first among equals.
    pub top: Vec<u32>,
}

/// Number of rows whose logits are computed at once: limits their buffer to `128·vocab` values.
pub(super) const HEAD_ROWS: usize = 128;

/// Applies the output head to `hidden [n, d_model]` and summarises the logits of each row: `n` results.
///
/// `wanted(row)`: tokens whose log-probabilities are needed after that row. `top`: number of most likely tokens to
/// return.
///
/// # Errors
/// A model that predicts no tokens, logits that are not finite, and failures of the tensor library.
pub fn score_rows<'t>(
    model: &Model,
    hidden: &Tensor,
    top: usize,
    wanted: impl Fn(usize) -> &'t [u32] + Sync,
) -> Result<Vec<RowScore>> {
    each_row(model, hidden, |row, logits| {
        let summary = summarise(logits);
        let logit = |t: &u32| logits[*t as usize];
        let logprobs = wanted(row).iter().map(|t| f64::from(logit(t)) - summary.log_partition).collect();
        let margins = wanted(row).iter().map(|t| summary.margin(*t, logit(t))).collect();
        let top = largest_logits(logits, top);
        summary.log_partition.is_finite().then_some(RowScore { summary, logprobs, margins, top })
    })
}

/// The `n` tokens of the largest logits, in descending order, the lower id first among equals.
fn largest_logits(logits: &[f32], n: usize) -> Vec<u32> {
    let mut top: Vec<(u32, f32)> = Vec::with_capacity(n + 1);
    for (token, logit) in (0u32..).zip(logits).filter(|_| n > 0) {
        // Almost always false: most logits are below the smallest one kept.
        if top.len() < n || *logit > top[n - 1].1 {
            let place = top.partition_point(|(_, other)| other >= logit);
            top.insert(place, (token, *logit));
            top.truncate(n);
        }
    }
    top.into_iter().map(|(token, _)| token).collect()
}

/// Applies the output head to `hidden [n, d_model]`: the most likely token after each row, the lowest id among equals.
///
/// # Errors
/// As [`score_rows`].
pub fn most_likely(model: &Model, hidden: &Tensor) -> Result<Vec<u32>> {
    each_row(model, hidden, |_, logits| argmax(logits))
}

/// Applies the output head to `hidden [n, d_model]`, and calls `f` with the number and the logits (`[vocab]`) of each
/// row. `f` returns `None` if the logits are not finite, which is an error.
pub(super) fn each_row<R: Send>(
    model: &Model,
    hidden: &Tensor,
    f: impl Fn(usize, &[f32]) -> Option<R> + Sync,
) -> Result<Vec<R>> {
    let n = hidden.dim(0)?;
    let mut done = Vec::with_capacity(n);
    for start in (0..n).step_by(HEAD_ROWS) {
        let rows = HEAD_ROWS.min(n - start);
        let logits = model.head(&hidden.narrow(0, start, rows)?)?.to_device(&Device::Cpu)?; // [rows, vocab]
        let vocab = logits.dim(1)?;
        let chunk: Result<Vec<R>> = with_values(&logits, |logits| {
            let of_row = |(i, logits): (usize, &[f32])| {
                let place = || format!("row {} of a pass", start + i);
                f(start + i, logits).ok_or_else(|| Error::NotFinite { what: "logits".into(), place: place() })
            };
            // With one thread, batches run side by side already.
            if model.threads() > 1 {
                logits.par_chunks_exact(vocab).enumerate().map(of_row).collect()
            } else {
                logits.chunks_exact(vocab).enumerate().map(of_row).collect()
            }
        })?;
        done.extend(chunk?);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_largest_logits_come_first() {
        let logits = [0.5, 3.0, -1.0, 3.0, 2.0, 0.5];
        assert_eq!(super::largest_logits(&logits, 4), [1, 3, 4, 0]);
        assert_eq!(super::largest_logits(&logits, 9), [1, 3, 4, 0, 5, 2]);
        assert!(super::largest_logits(&logits, 0).is_empty());
    }
}
