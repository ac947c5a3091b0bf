//! The likeliest next tokens of a prediction, as texts.

use laser_model::tokenizer::Tokenizer;

use crate::error::{Error, Result};
use crate::explain::LikelyToken;

/// The `n` likeliest tokens by the logits of one row, `[vocab]`, the likeliest first; of equal ones the first.
///
/// # Errors
/// Logits that are not finite, or a token that the tokenizer does not have.
pub(super) fn likely_tokens(logits: &[f32], n: usize, tokenizer: &Tokenizer) -> Result<Vec<LikelyToken>> {
    let partition = laser_kernels::logits::summarise(logits).log_partition;
    if !partition.is_finite() {
        let (what, place) = ("logits".to_owned(), "the prompt".to_owned());
        return Err(Error::from(laser_model::Error::NotFinite { what, place }));
    }
    let mut order: Vec<u32> = (0u32..).take(logits.len()).collect();
    order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b)));
    let likely = |token: &u32| {
        let probability = (f64::from(logits[*token as usize]) - partition).exp();
        Ok(LikelyToken { text: tokenizer.decode(&[*token])?, probability })
    };
    order.iter().take(n).map(likely).collect()
}
