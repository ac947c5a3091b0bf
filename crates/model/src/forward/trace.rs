//! Whole sequences through the model, with everything the blocks pass on: for parity checks and interpretability.

use candle_core::{DType, Device, Tensor};

use super::{ForwardPass, most_likely};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::parallel::{Unobserved, map};
use laser_kernels::batch_layout::{BatchLayout, KvCache};

/// Rows of a pass over many sequences.
const PASS_ROWS: usize = 512;

/// The states of one sequence.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Embeddings, then the output of each block before the final norm: `n_layers + 1` of `[tokens, d_model]`.
    pub hidden: Vec<Tensor>,
    /// Logits of every position, `[tokens, vocab]`.
    pub logits: Tensor,
}

impl Model {
    /// Runs one sequence, keeping the residual stream between the blocks and all logits.
    ///
    /// # Errors
    /// No tokens, a token outside the vocabulary, or values that are not finite.
    pub fn trace(&self, tokens: &[u32]) -> Result<Trace> {
        let rows = sequence(tokens)?;
        let mut cache = KvCache::new(self.config().n_layers);
        let pass = ForwardPass::new(self, &rows, &mut cache, false)?.forgetting();
        let x = pass.embed()?; // [tokens, d_model]
        let hidden = pass.stream(x)?;
        let logits = host(&self.head(&hidden[self.config().n_layers])?)?;
        Ok(Trace { hidden: hidden.iter().map(host).collect::<Result<_>>()?, logits })
    }

    /// Logits after the last token of each sequence, `[sequences, vocab]`; sequences run side by side in passes of
    /// about 512 rows, one a thread.
    ///
    /// # Errors
    /// As [`Model::trace`].
    pub fn next_token_logits(&self, sequences: &[&[u32]], threads: usize) -> Result<Tensor> {
        self.packed_logits(sequences, threads, false)
    }

    /// Logits after every token of every sequence, `[tokens, vocab]`, otherwise as [`Model::next_token_logits`].
    ///
    /// # Errors
    /// As [`Model::trace`].
    pub fn all_logits(&self, sequences: &[&[u32]], threads: usize) -> Result<Tensor> {
        self.packed_logits(sequences, threads, true)
    }

    fn packed_logits(&self, sequences: &[&[u32]], threads: usize, all: bool) -> Result<Tensor> {
        let longest = sequences.iter().map(|s| s.len()).max().unwrap_or(0).max(1);
        let passes: Vec<&[&[u32]]> = sequences.chunks((PASS_ROWS / longest).max(1)).collect();
        let inside = if passes.len() < threads { threads } else { 1 };
        let model = self.with_threads(inside);
        let logits = map(passes, threads / inside, &Unobserved, |part| {
            let mut rows = BatchLayout::default();
            let mut last = Vec::with_capacity(part.len());
            for tokens in part {
                if tokens.is_empty() {
                    return Err(Error::setting("tokens", "expected at least one, found none"));
                }
                rows.push(tokens, 0, Vec::new());
                last.push(rows.len() - 1);
            }
            let mut cache = KvCache::new(model.config().n_layers);
            let pass = ForwardPass::new(&model, &rows, &mut cache, false)?.forgetting();
            let keep = if all { None } else { Some(last.as_slice()) };
            model.head(&pass.run(super::Start::Tokens, keep)?.0)
        })?;
        Ok(Tensor::cat(&logits, 0)?)
    }

    /// The most likely `n` next tokens one after another, without stopping at an end-of-sequence token.
    ///
    /// Beyond the length where rotary frequencies change, each token is computed from the whole sequence anew.
    ///
    /// # Errors
    /// As [`Model::trace`].
    pub fn greedy(&self, tokens: &[u32], n: usize) -> Result<Vec<u32>> {
        self.config().check_continues_texts()?;
        let mut all = sequence(tokens)?;
        let mut cache = KvCache::new(self.config().n_layers);
        let mut generated = Vec::with_capacity(n);
        let mut context = Vec::new();
        let beyond = self.config().length_dependent_beyond();
        let mut text = tokens.to_vec();
        for _ in 0..n {
            if beyond.is_some_and(|limit| text.len() > limit) {
                // The kept keys were turned for a shorter sequence.
                cache = KvCache::new(self.config().n_layers);
                all = sequence(&text)?;
                context.clear();
            }
            let (last, chunk) = (all.len() - 1, cache.passes());
            let pass = ForwardPass::new(self, &all, &mut cache, false)?;
            let (hidden, _) = pass.run(super::Start::Tokens, Some(&[last]))?;
            let next = most_likely(self, &hidden)?[0];
            generated.push(next);
            text.push(next);
            context.push(laser_kernels::batch_layout::CacheRange { chunk, rows: 0..all.len() });
            all = BatchLayout::default();
            all.push(&[next], 0, context.clone());
        }
        Ok(generated)
    }
}

impl ForwardPass<'_> {
    /// The residual stream between the blocks: `x [rows, d_model]`, which enters the first, and the output of each.
    pub(super) fn stream(mut self, x: Tensor) -> Result<Vec<Tensor>> {
        let mut hidden = vec![x];
        for layer in 0..self.model.config().n_layers {
            let out = self.block(layer, &hidden[layer])?.out; // [rows, d_model]
            hidden.push(out);
        }
        Ok(hidden)
    }
}

/// Values where a caller reads them: f32 on the CPU.
pub(super) fn host(x: &Tensor) -> Result<Tensor> {
    Ok(x.to_dtype(DType::F32)?.to_device(&Device::Cpu)?)
}

fn sequence(tokens: &[u32]) -> Result<BatchLayout> {
    if tokens.is_empty() {
        return Err(Error::setting("tokens", "expected at least one, found none"));
    }
    let mut rows = BatchLayout::default();
    rows.push(tokens, 0, Vec::new());
    Ok(rows)
}
