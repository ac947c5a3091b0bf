//! Text to token ids and back: takes `tokenizer.json` or GGUF metadata, gives what the forward pass eats.
//!
//! The work is done by the `tokenizers` crate. A GGUF file carries only a vocabulary and names for the rest, so
//! `gguf` writes the `tokenizer.json` such a model would have had, and reads that; [`Tokenizer::to_json`] hands
//! it on, for folders that other tools load.

mod error;
mod folder;
mod gguf;
mod pair;
mod pre;
mod special;
mod spm;

use serde_json::Value;

pub use error::TokenizerError;
use special::SpecialTokens;

/// A vocabulary with its rules: splitting, merging, special tokens, chat template.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: SpecialTokens,
    chat_template: Option<String>,
    byte_level: bool,
}

impl Tokenizer {
    /// Builds the tokenizer from a `tokenizer.json` document and what else is known about the model.
    fn new(definition: Value, special: SpecialTokens, chat_template: Option<String>) -> Result<Self, TokenizerError> {
        let byte_level = special::mentions(&definition["decoder"], "ByteLevel");
        let mut inner: tokenizers::Tokenizer =
            serde_json::from_value(definition).map_err(|e| TokenizerError::Definition(e.to_string()))?;
        // Saved with some models for training; here every text is encoded whole.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| TokenizerError::Definition(e.to_string()))?;
        special.check(&inner)?;
        Ok(Self { inner, special, chat_template, byte_level })
    }

    /// Token ids of a text; the text of a special token (`<|im_end|>`) becomes that token.
    ///
    /// `add_special` puts a beginning (or end) token where the model's own tokenizer would.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] if a character can be spelled neither by the vocabulary nor by an unknown token.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, TokenizerError> {
        match self.inner.encode_fast(text, add_special) {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(e) => Err(TokenizerError::Encode { text: text.to_owned(), reason: e.to_string() }),
        }
    }

    /// The text of token ids, without special tokens; ids beyond the vocabulary (padding rows of some
    /// embeddings) have no text.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] if the decoder fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.inner.decode(ids, true).map_err(|e| TokenizerError::Decode(e.to_string()))
    }

    /// What one token adds in the middle of a text: `Ġthe` and `▁the` both give ` the`; special tokens give
    /// their name, bytes that are no character alone the replacement character.
    pub fn token_text(&self, id: u32) -> Option<String> {
        let piece = self.inner.id_to_token(id)?;
        if self.inner.get_added_tokens_decoder().contains_key(&id) {
            return Some(piece);
        }
        if self.byte_level {
            return self.inner.decode(&[id], true).ok();
        }
        // The decoders of these vocabularies drop the leading space of what they take for a whole text.
        match spm::byte_value(&piece) {
            Some(byte) => Some(String::from_utf8_lossy(&[byte]).into_owned()),
            None => Some(piece.replace(spm::SPACE, " ")),
        }
    }

    /// The token that begins a text, if the model has one.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// The first of [`Self::eos_ids`].
    pub fn eos_id(&self) -> Option<u32> {
        self.special.eos.first().copied()
    }

    /// The token that stands for one to be filled in.
    pub fn mask_id(&self) -> Option<u32> {
        self.special.mask
    }

    /// The tokens that end a generation: end of text first, then end of turn and the like.
    pub fn eos_ids(&self) -> &[u32] {
        &self.special.eos
    }

    /// Whether [`Self::encode`] with `add_special` begins with [`Self::bos_id`].
    pub fn add_bos(&self) -> bool {
        self.special.add_bos
    }

    /// Number of tokens, added ones included; the model's embedding may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The model's Jinja chat template.
    pub fn chat_template(&self) -> Option<&str> {
        self.chat_template.as_deref()
    }

    /// The special tokens that the model has, as text, by their names in `tokenizer_config.json` and chat templates.
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

    /// The `tokenizer_config.json` that goes with [`Self::to_json`]: names of the special tokens, chat template.
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
