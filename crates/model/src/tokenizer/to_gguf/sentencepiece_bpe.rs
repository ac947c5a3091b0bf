//! SentencePiece BPE: takes a `tokenizer.json`, gives a score for each token.
//!
//! SentencePiece joins the pair of pieces whose concatenation has the highest score; `tokenizer.json` lists pairs in order
//! of preference instead. So the score of a token is minus the place of the first pair that gives it.

use std::collections::{BTreeMap, HashMap};

use laser_checkpoint::{Array, Value};
use serde_json::Value as Json;

use super::{Vocabulary, merges, refused};
use crate::tokenizer::contains_component;
use crate::tokenizer::error::TokenizerError;

/// The keys of a SentencePiece BPE, without `tokenizer.ggml.`.
pub(super) fn keys(
    definition: &Json,
    vocabulary: &Vocabulary,
) -> Result<BTreeMap<&'static str, Value>, TokenizerError> {
    if definition["model"]["byte_fallback"] != true {
        return Err(refused("a BPE that is neither byte-level nor spells unknown characters by bytes"));
    }
    let mut scores: HashMap<String, f32> = HashMap::new();
    let mut last = 0.0;
    for pair in merges(definition) {
        let (left, right) = pair.ok_or_else(|| refused("a merge that is no pair of tokens"))?;
        last -= 1.0;
        scores.entry(format!("{left}{right}")).or_insert(last);
    }
    // No pair gives these; SentencePiece must not prefer them.
    let unmerged = last - 1.0;
    let scores = vocabulary.tokens.iter().map(|token| scores.get(token).copied().unwrap_or(unmerged)).collect();
    Ok(BTreeMap::from([
        ("model", Value::String("llama".to_owned())),
        ("pre", Value::String("default".to_owned())),
        ("scores", Value::Array(Array::F32(scores))),
        ("add_space_prefix", Value::Bool(adds_space(definition))),
    ]))
}

/// True if a space is put before every text.
fn adds_space(definition: &Json) -> bool {
    if contains_component(&definition["normalizer"], "Prepend") {
        return true;
    }
    let pre_tokenizer = &definition["pre_tokenizer"];
    let scheme = &pre_tokenizer["prepend_scheme"];
    pre_tokenizer["type"] == "Metaspace" && (*scheme == "always" || *scheme == "first")
}
