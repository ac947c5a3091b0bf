//! Logits of many sequences: takes token sequences, gives logits after the last token or after every token.

use candle_core::Tensor;

use super::ForwardPass;
use super::sequence::push_sequence;
use super::start::PassStart;
use crate::error::Result;
use crate::model::Model;
use crate::parallel::{Unobserved, map};
use laser_kernels::batch_layout::BatchLayout;

/// Approximate number of rows of one batch.
const BATCH_ROWS: usize = 512;

impl Model {
    /// Logits after the last token of each sequence, `[sequences, vocab]`. Batches of about 512 rows run side by side
    /// on up to `threads` threads.
    ///
    /// # Errors
    /// As [`Model::trace`].
    pub fn next_token_logits(&self, sequences: &[&[u32]], threads: usize) -> Result<Tensor> {
        self.batched_logits(sequences, threads, false)
    }

    /// Logits after every token of every sequence, `[tokens, vocab]`, in the order of the sequences; otherwise as
    /// [`Model::next_token_logits`].
    ///
    /// # Errors
    /// As [`Model::trace`].
    pub fn all_logits(&self, sequences: &[&[u32]], threads: usize) -> Result<Tensor> {
        self.batched_logits(sequences, threads, true)
    }

    /// Logits after every token if `all`, otherwise after the last token of each sequence: `[rows, vocab]`.
    fn batched_logits(&self, sequences: &[&[u32]], threads: usize, all: bool) -> Result<Tensor> {
        let longest = sequences.iter().map(|s| s.len()).max().unwrap_or(0).max(1);
        let batches: Vec<&[&[u32]]> = sequences.chunks((BATCH_ROWS / longest).max(1)).collect();
        // With fewer batches than threads, the threads work inside each batch, one batch after the other.
        let inside = if batches.len() < threads { threads } else { 1 };
        let model = self.with_threads(inside);
        let logits = map(batches, threads / inside, &Unobserved, |batch| {
            let mut layout = BatchLayout::default();
            let mut last = Vec::with_capacity(batch.len());
            for tokens in batch {
                push_sequence(&mut layout, tokens)?;
                last.push(layout.len() - 1);
            }
            let mut cache = model.new_kv_cache();
            let pass = ForwardPass::new(&model, &layout, &mut cache, false)?.without_caching();
            let keep = if all { None } else { Some(last.as_slice()) };
            model.head(&pass.run(PassStart::Tokens, keep)?.0) // [tokens or sequences, vocab]
        })?;
        Ok(Tensor::cat(&logits, 0)?)
    }
}
