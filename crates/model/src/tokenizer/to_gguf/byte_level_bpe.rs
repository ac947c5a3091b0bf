//! Byte-level BPE: takes a `tokenizer.json`, gives its merges and the name of its pre-tokenizer.

use std::collections::BTreeMap;

use laser_checkpoint::{Array, Value};
use serde_json::Value as Json;

use super::{merges, refused};
use crate::tokenizer::contains_component;
use crate::tokenizer::error::TokenizerError;
use crate::tokenizer::pre_tokenizer;

/// The keys of a byte-level BPE, without `tokenizer.ggml.`.
pub(super) fn keys(definition: &Json) -> Result<BTreeMap<&'static str, Value>, TokenizerError> {
    let nfc = contains_component(&definition["normalizer"], "NFC");
    let ignore_merges = definition["model"]["ignore_merges"] == true;
    let name = pre_tokenizer::name_of(&definition["pre_tokenizer"], nfc, ignore_merges)
        .ok_or_else(|| refused("a pre-tokenizer that llama.cpp has no name for"))?;
    let merges = merges(definition).map(|pair| {
        let (left, right) = pair.ok_or_else(|| refused("a merge that is no pair of tokens"))?;
        Ok(format!("{left} {right}"))
    });
    let merges = merges.collect::<Result<_, TokenizerError>>()?;
    Ok(BTreeMap::from([
        ("model", Value::String("gpt2".to_owned())),
        ("pre", Value::String(name.to_owned())),
        ("merges", Value::Array(Array::Strings(merges))),
    ]))
}
