//! The components of `tokenizer.json` that depend on the kind of vocabulary.

use serde_json::Value;

/// Components of `tokenizer.json`, each in the format of the `tokenizers` crate.
pub(super) struct Components {
    pub(super) normalizer: Value,
    pub(super) pre_tokenizer: Value,
    pub(super) decoder: Value,
    pub(super) model: Value,
}
