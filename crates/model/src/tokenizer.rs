//! Tokenizer: takes `tokenizer.json` or GGUF metadata, turns texts into token ids and back.
//!
//! The `tokenizers` crate does the work. A GGUF file contains only a vocabulary, and names of rules for the rest. So
//! the module `gguf` writes the `tokenizer.json` that the model would have had as a folder, and reads that.
//! [`Tokenizer::to_json`] returns it, for exports that other programs read.

mod definition_check;
mod error;
mod folder;
mod gguf;
mod normal_form;
mod pair;
mod pre_tokenizer;
mod sentencepiece;
mod special;
mod strip_decoder;
mod to_gguf;
mod vocabulary_check;

use serde_json::Value;

pub use error::TokenizerError;
pub use normal_form::nfc;
use special::SpecialTokens;

/// A vocabulary with its rules for splitting and merging, special tokens and chat template.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: SpecialTokens,
    chat_template: Option<String>,
    /// Whether tokens spell bytes as printable characters (GPT-2's `Ġ` for a space), not as SentencePiece does.
    byte_level: bool,
    /// Remarks for the user about the files, one sentence each.
    notes: Vec<String>,
}

impl Tokenizer {
    /// Builds the tokenizer from a `tokenizer.json` document, special tokens and chat template.
    fn new(
        mut definition: Value,
        mut special: SpecialTokens,
        chat_template: Option<String>,
    ) -> Result<Self, TokenizerError> {
        vocabulary_check::check_ids(&definition)?;
        definition_check::check(&definition)?;
        let byte_level = contains_component(&definition["decoder"], "ByteLevel");
        // Some models are saved with their padding and truncation of training; here every text is encoded completely.
        for key in ["padding", "truncation"] {
            definition[key] = Value::Null;
        }
        strip_decoder::make_safe(&mut definition["decoder"]);
        let added = vocabulary_check::added_tokens(&definition);
        let inner: tokenizers::Tokenizer =
            serde_json::from_value(definition).map_err(|e| TokenizerError::Definition(e.to_string()))?;
        let mut notes: Vec<String> = vocabulary_check::moved_tokens(&added, &inner).into_iter().collect();
        notes.extend(special.keep_known(&inner));
        Ok(Self { inner, special, chat_template, byte_level, notes })
    }

    /// Remarks for the user about values of the files that are not used, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Adds a remark if the tokenizer has tokens that a model with `rows` token embeddings cannot read.
    pub(crate) fn note_tokens_beyond(&mut self, rows: usize) {
        let beyond = |id: &u32| *id as usize >= rows;
        // The ids of most vocabularies have no gaps, so that the list of all tokens is seldom needed.
        if self.inner.get_vocab_size(true) <= rows && !self.inner.get_added_tokens_decoder().keys().any(beyond) {
            return;
        }
        let ids: Vec<u32> = self.inner.get_vocab(true).into_values().filter(beyond).collect();
        let Some(last) = ids.iter().max() else { return };
        self.notes.push(format!(
            "{} tokens of the tokenizer, up to id {last}, are beyond the model's vocabulary of {rows}: it cannot read texts \
             that contain them",
            ids.len()
        ));
    }

    /// Token ids of a text. The text of a special token (`<|im_end|>`) becomes that token. With `add_special`,
    /// beginning and end token are added if the model's own tokenizer adds them.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] if the vocabulary cannot spell a character and has no unknown token.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, TokenizerError> {
        match self.inner.encode_fast(text, add_special) {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(e) => Err(TokenizerError::Encode { text: text.to_owned(), reason: e.to_string() }),
        }
    }

    /// Text of token ids, without special tokens. Ids beyond the vocabulary (some embeddings have padding rows) are
    /// skipped.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] if the decoder fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.inner.decode(ids, true).map_err(|e| TokenizerError::Decode(e.to_string()))
    }

    /// Text that one token adds in the middle of a text; `None` for an id beyond the vocabulary.
    ///
    /// `Ġthe` and `▁the` both give ` the`. A special token gives its name. A token of bytes that are not a whole
    /// character gives the replacement character.
    pub fn token_text(&self, id: u32) -> Option<String> {
        let piece = self.inner.id_to_token(id)?;
        if self.inner.get_added_tokens_decoder().contains_key(&id) {
            return Some(piece);
        }
        if self.byte_level {
            return self.inner.decode(&[id], true).ok();
        }
        // Not the decoder, which drops a leading space because it takes the token for a whole text.
        match sentencepiece::byte_value(&piece) {
            Some(byte) => Some(String::from_utf8_lossy(&[byte]).into_owned()),
            None => Some(piece.replace(sentencepiece::SPACE, " ")),
        }
    }

    /// The token at the beginning of a text, if the model has one.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// The token that stands for a word that the vocabulary cannot spell, if there is one.
    pub fn unknown_id(&self) -> Option<u32> {
        self.special.unk
    }

    /// The first of [`Self::eos_ids`].
    pub fn eos_id(&self) -> Option<u32> {
        self.special.eos.first().copied()
    }

    /// The mask token of a masked language model, which predicts the token in its place.
    pub fn mask_id(&self) -> Option<u32> {
        self.special.mask
    }

    /// Tokens that end a generation: end of text first, then end of turn and similar ones.
    pub fn eos_ids(&self) -> &[u32] {
        &self.special.eos
    }

    /// Whether [`Self::encode`] with `add_special` adds [`Self::bos_id`] at the beginning.
    pub fn add_bos(&self) -> bool {
        self.special.add_bos
    }

    /// Number of tokens, including added ones; the model's embedding may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The model's chat template, in Jinja.
    pub fn chat_template(&self) -> Option<&str> {
        self.chat_template.as_deref()
    }

    /// Texts of the model's special tokens, as (name in `tokenizer_config.json` and chat templates, text).
    pub fn special_texts(&self) -> Vec<(&'static str, String)> {
        let ids = [
            ("bos_token", self.bos_id()),
            ("eos_token", self.eos_id()),
            ("unk_token", self.special.unk),
            ("pad_token", self.special.pad),
        ];
        ids.into_iter().filter_map(|(name, id)| Some((name, self.inner.id_to_token(id?)?))).collect()
    }

    /// The tokenizer as a `tokenizer.json` document.
    pub fn to_json(&self) -> String {
        self.inner.to_string(true).expect("the tokenizer is JSON because it was read from JSON")
    }

    /// The `tokenizer_config.json` that belongs to [`Self::to_json`]: texts of the special tokens and chat template.
    pub fn config_json(&self) -> String {
        let mut config = serde_json::json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": false,
            "add_bos_token": self.special.add_bos,
            "add_eos_token": self.special.add_eos,
        });
        let template = self.chat_template.clone().map(|text| ("chat_template", text));
        for (key, value) in self.special_texts().into_iter().chain(template) {
            config[key] = Value::String(value);
        }
        format!("{config:#}\n")
    }
}

/// Whether a part of a `tokenizer.json` document is or contains a component of type `kind`.
fn contains_component(part: &Value, kind: &str) -> bool {
    match part {
        Value::Object(map) => {
            map.get("type").is_some_and(|found| found == kind)
                || map.values().any(|inner| contains_component(inner, kind))
        }
        Value::Array(list) => list.iter().any(|inner| contains_component(inner, kind)),
        _ => false,
    }
}
