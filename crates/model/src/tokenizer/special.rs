//! Special tokens: their ids, and the rule of `tokenizer.json` that adds them around an encoded text.

use serde_json::{Value, json};

/// Ids of the special tokens, and whether beginning and end token are added around every text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SpecialTokens {
    /// Beginning of a text.
    pub(super) bos: Option<u32>,
    /// Tokens that end a generation: end of text first, then end of turn and similar ones.
    pub(super) eos: Vec<u32>,
    /// Unknown token, for text that the vocabulary cannot spell.
    pub(super) unk: Option<u32>,
    /// Padding.
    pub(super) pad: Option<u32>,
    /// Mask token of masked language models.
    pub(super) mask: Option<u32>,
    /// Whether the beginning token is added before a text.
    pub(super) add_bos: bool,
    /// Whether the first end token is added after a text.
    pub(super) add_eos: bool,
}

impl SpecialTokens {
    /// Appends an end token, unless it is in the list.
    pub(super) fn push_eos(&mut self, id: u32) {
        if !self.eos.contains(&id) {
            self.eos.push(id);
        }
    }

    /// The `post_processor` of `tokenizer.json` that adds the beginning and end tokens; null if none is added.
    ///
    /// `name` returns the text of a token.
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

    /// Forgets ids that are not in the vocabulary, such as GPT-2's 50256 in a smaller one: no text contains them. Gives a
    /// sentence about each.
    pub(super) fn keep_known(&mut self, tokenizer: &tokenizers::Tokenizer) -> Vec<String> {
        let mut notes = Vec::new();
        let size = tokenizer.get_vocab_size(true);
        let mut known = |name: &str, id: u32| {
            let known = tokenizer.id_to_token(id).is_some();
            if !known {
                notes.push(format!("{name} token: id {id} is not in the vocabulary of {size} tokens, and is not used"));
            }
            known
        };
        for (name, id) in [
            ("beginning", &mut self.bos),
            ("unknown", &mut self.unk),
            ("padding", &mut self.pad),
            ("mask", &mut self.mask),
        ] {
            *id = id.filter(|id| known(name, *id));
        }
        self.eos.retain(|id| known("end", *id));
        self.add_bos &= self.bos.is_some();
        self.add_eos &= !self.eos.is_empty();
        notes
    }
}
