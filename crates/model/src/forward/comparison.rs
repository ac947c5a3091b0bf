//! The output heads of two models: takes their hidden states of the same rows, gives the difference of their predictions.

use candle_core::{Device, Tensor};

use super::scores::HEAD_ROWS;
use crate::error::{Error, Result};
use crate::model::Model;
use laser_kernels::logits::{divergence, summarise};
use laser_kernels::with_values;

/// Predictions of two models after one row.
#[derive(Debug, Clone)]
pub struct RowComparison {
    /// Log-probability of each wanted token under the first and under the second model, nats.
    pub logprobs: Vec<[f64; 2]>,
    /// Kullback–Leibler divergence of the second prediction from the first, `Σ p₁·ln(p₁/p₂)`, nats.
    pub divergence: f64,
}

/// Applies the output heads of two models to their hidden states of the same rows, both `[n, d_model]`, and compares the
/// predictions after each row: `n` results.
///
/// `wanted(row)`: tokens whose log-probabilities are needed after that row.
///
/// # Errors
/// As [`score_rows`](super::score_rows).
pub fn compare_rows<'t>(
    models: [&Model; 2],
    hidden: [&Tensor; 2],
    wanted: impl Fn(usize) -> &'t [u32],
) -> Result<Vec<RowComparison>> {
    let n = hidden[0].dim(0)?;
    let mut done = Vec::with_capacity(n);
    for start in (0..n).step_by(HEAD_ROWS) {
        let rows = HEAD_ROWS.min(n - start);
        let logits = |i: usize| -> Result<Tensor> {
            Ok(models[i].head(&hidden[i].narrow(0, start, rows)?)?.to_device(&Device::Cpu)?) // [rows, vocab]
        };
        let (first, second) = (logits(0)?, logits(1)?);
        let vocab = first.dim(1)?;
        let compare = |(i, (first, second)): (usize, (&[f32], &[f32]))| {
            compare_logits([first, second], wanted(start + i)).ok_or_else(|| {
                let place = format!("row {} of a pass", start + i);
                Error::NotFinite { what: "logits".into(), place }
            })
        };
        let chunk: Result<Vec<RowComparison>> = with_values(&first, |first| {
            with_values(&second, |second| {
                first.chunks_exact(vocab).zip(second.chunks_exact(vocab)).enumerate().map(compare).collect()
            })
        })??;
        done.extend(chunk?);
    }
    Ok(done)
}

/// Compares two rows of logits; `None` if one of them is not finite.
fn compare_logits(logits: [&[f32]; 2], wanted: &[u32]) -> Option<RowComparison> {
    let summaries = logits.map(summarise);
    if summaries.iter().any(|summary| !summary.log_partition.is_finite()) {
        return None;
    }
    let logprob = |model: usize, token: u32| f64::from(logits[model][token as usize]) - summaries[model].log_partition;
    Some(RowComparison {
        logprobs: wanted.iter().map(|token| [0, 1].map(|model| logprob(model, *token))).collect(),
        divergence: divergence(logits[0], &summaries[0], logits[1], &summaries[1]),
    })
}
