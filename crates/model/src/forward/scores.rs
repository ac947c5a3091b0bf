//! The output head over the rows that are asked about: hidden states in, a summary of each row's logits out.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::Model;
use laser_kernels::softmax::{RowSummary, argmax, summarise};
use laser_kernels::with_values;

/// What the model says at one row.
#[derive(Debug, Clone)]
pub struct RowScore {
    /// Most likely token and log-partition.
    pub summary: RowSummary,
    /// Log-probabilities (nats) of the tokens asked for.
    pub logprobs: Vec<f64>,
    /// By how much each of them exceeds the most likely other token's, nats.
    pub margins: Vec<f64>,
    /// The most likely tokens, the first of equals first, as many as were asked for.
    pub top: Vec<u32>,
}

/// Rows of logits computed at once: bounds their buffer to `128·vocab` values.
const HEAD_ROWS: usize = 128;

/// Runs the output head over `hidden [n, d_model]` and summarises each row. `wanted(row)`: tokens to score there;
/// `top`: how many of the most likely ones to name.
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
        let top = likeliest(logits, top);
        summary.log_partition.is_finite().then_some(RowScore { summary, logprobs, margins, top })
    })
}

/// The `n` tokens of the largest logits, downwards, the first of equals first.
fn likeliest(logits: &[f32], n: usize) -> Vec<u32> {
    let mut top: Vec<(u32, f32)> = Vec::with_capacity(n + 1);
    for (token, logit) in (0u32..).zip(logits).filter(|_| n > 0) {
        if top.len() < n || *logit > top[n - 1].1 {
            let place = top.partition_point(|(_, other)| other >= logit);
            top.insert(place, (token, *logit));
            top.truncate(n);
        }
    }
    top.into_iter().map(|(token, _)| token).collect()
}

/// Runs the output head over `hidden [n, d_model]`: the most likely token of each row, the first of equals.
pub fn most_likely(model: &Model, hidden: &Tensor) -> Result<Vec<u32>> {
    each_row(model, hidden, |_, logits| argmax(logits))
}

/// `f` of each row's number and logits; `None` means that they are not finite.
fn each_row<R: Send>(model: &Model, hidden: &Tensor, f: impl Fn(usize, &[f32]) -> Option<R> + Sync) -> Result<Vec<R>> {
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
    fn the_likeliest_come_first() {
        let logits = [0.5, 3.0, -1.0, 3.0, 2.0, 0.5];
        assert_eq!(super::likeliest(&logits, 4), [1, 3, 4, 0]);
        assert_eq!(super::likeliest(&logits, 9), [1, 3, 4, 0, 5, 2]);
        assert!(super::likeliest(&logits, 0).is_empty());
    }
}
