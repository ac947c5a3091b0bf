//! Decides whether the output head is tied: whether its matrix is the token embedding.
//!
//! The result is [`Head::tied`](super::Head::tied); loading (`load.rs`) then uses the embedding for both. Only
//! DistilBERT has a second key, which `arch/bert.rs` reads.

use super::gguf_keys::GgufKeys;
use super::hf_keys::HfKeys;
use crate::error::Result;

/// Whether the head is tied according to `config.json`: the key `tie_word_embeddings`, else the default of the family.
///
/// # Errors
/// A value that is neither true nor false.
pub(crate) fn head_is_tied(keys: &HfKeys<'_>, family_default: bool) -> Result<bool> {
    keys.flag_or("tie_word_embeddings", family_default)
}

/// Whether the head is tied in a GGUF file, which has no key for it: it is if no head is stored.
pub(super) fn gguf_head_is_tied(keys: &GgufKeys<'_>) -> bool {
    !keys.has_tensor("output.weight")
}
