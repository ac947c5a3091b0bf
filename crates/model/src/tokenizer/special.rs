//! The tokens with a meaning beyond their text, and the rule that puts them around an encoded text.

use serde_json::{Value, json};

use super::TokenizerError;

/// Ids of the special tokens, and which of them surround every text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SpecialTokens {
    pub(super) bos: Option<u32>,
    /// End of text first, then other tokens that end a generation.
    pub(super) eos: Vec<u32>,
    pub(super) unk: Option<u32>,
    pub(super) pad: Option<u32>,
    pub(super) mask: Option<u32>,
    pub(super) add_bos: bool,
    pub(super) add_eos: bool,
}

impl SpecialTokens {
    /// Adds an end token once.
    pub(super) fn push_eos(&mut self, id: u32) {
        if !self.eos.contains(&id) {
            self.eos.push(id);
        }
    }

    /// The post-processor of `tokenizer.json` that adds what is to be added; null where that is nothing.
    ///
    /// `name` gives the text of a token.
    pub(super) fn post_processor(&self, name: impl Fn(u32) -> Option<String>) -> Value {
        let named = |id: Option<u32>, wanted: bool| id.filter(|_| wanted).and_then(|id| Some((id, name(id)?)));
        let before = named(self.bos, self.add_bos);
        let after = named(self.eos.first().copied(), self.add_eos);
        if before.is_none() && after.is_none() {
            return Value::Null;
        }
        let around = |sequence: &str, type_id: u8| {
            let special = |(_, text): &(u32, String)| json!({"SpecialToken": {"id": text, "type_id": type_id}});
            let mut parts: Vec<Value> = before.iter().map(special).collect();
            parts.push(json!({"Sequence": {"id": sequence, "type_id": type_id}}));
            parts.extend(after.iter().map(special));
            parts
        };
        let mut tokens = serde_json::Map::new();
        for (id, text) in before.iter().chain(&after) {
            tokens.insert(text.clone(), json!({"id": text, "ids": [id], "tokens": [text]}));
        }
        let pair = [around("A", 0), around("B", 1)].concat();
        json!({
            "type": "TemplateProcessing",
            "single": around("A", 0),
            "pair": pair,
            "special_tokens": tokens,
        })
    }

    /// Refuses ids that the vocabulary does not have.
    pub(super) fn check(&self, tokenizer: &tokenizers::Tokenizer) -> Result<(), TokenizerError> {
        let ids = [("beginning", self.bos), ("unknown", self.unk), ("padding", self.pad), ("mask", self.mask)];
        let ids = ids.into_iter().filter_map(|(name, id)| Some((name, id?)));
        for (name, id) in ids.chain(self.eos.iter().map(|&id| ("end", id))) {
            if tokenizer.id_to_token(id).is_none() {
                return Err(TokenizerError::NoSuchToken { name, id, size: tokenizer.get_vocab_size(true) });
            }
        }
        Ok(())
    }
}

/// Whether a part of a definition is, or contains in a sequence, a component of this type.
pub(super) fn mentions(part: &Value, kind: &str) -> bool {
    match part {
        Value::Object(map) => {
            map.get("type").is_some_and(|found| found == kind) || map.values().any(|inner| mentions(inner, kind))
        }
        Value::Array(list) => list.iter().any(|inner| mentions(inner, kind)),
        _ => false,
    }
}
