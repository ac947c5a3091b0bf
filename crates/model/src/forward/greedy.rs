//! Greedy decoding of one sequence: takes a prompt, gives the most likely next tokens one after another.

use super::ForwardPass;
use super::scores::most_likely;
use super::sequence::one_sequence;
use super::start::PassStart;
use crate::error::Result;
use crate::model::Model;
use laser_kernels::batch_layout::{BatchLayout, CacheRange};

impl Model {
    /// Generates `n` tokens after the prompt `tokens`: at each step the most likely token, the lowest id among equals.
    /// Does not stop at an end-of-sequence token.
    ///
    /// # Errors
    /// As [`Model::trace`], and a model that does not continue texts (a masked language model).
    pub fn greedy(&self, tokens: &[u32], n: usize) -> Result<Vec<u32>> {
        self.config().check_continues_texts()?;
        let mut layout = one_sequence(tokens)?;
        let mut cache = self.new_kv_cache();
        let mut generated = Vec::with_capacity(n);
        let mut context = Vec::new(); // cached rows of all earlier steps
        let beyond = self.config().length_dependent_beyond();
        let mut text = tokens.to_vec();
        for _ in 0..n {
            if beyond.is_some_and(|limit| text.len() > limit) {
                // From here on the rotary frequencies depend on the length, so the cached keys have wrong rotations,
                // and each token is computed from the whole sequence.
                cache = self.new_kv_cache();
                layout = one_sequence(&text)?;
                context.clear();
            }
            let (last, chunk) = (layout.len() - 1, cache.passes());
            let pass = ForwardPass::new(self, &layout, &mut cache, false)?;
            let (hidden, _) = pass.run(PassStart::Tokens, Some(&[last]))?; // [1, d_model]
            let next = most_likely(self, &hidden)?[0];
            generated.push(next);
            text.push(next);
            context.push(CacheRange { chunk, rows: 0..layout.len() });
            layout = BatchLayout::default();
            layout.push(&[next], 0, context.clone());
        }
        Ok(generated)
    }
}
