//! The tokenizer of a GGUF file: takes its metadata, writes the `tokenizer.json` that the model would have had as a
//! folder, and reads that.

mod byte_level_bpe;
mod components;
mod sentencepiece_bpe;
mod vocabulary;

use laser_checkpoint::Metadata;
use serde_json::json;

use super::Tokenizer;
use super::error::TokenizerError;
use super::special::SpecialTokens;
use byte_level_bpe::byte_level_bpe;
use sentencepiece_bpe::sentencepiece_bpe;
use vocabulary::Vocabulary;

const MODEL: &str = "tokenizer.ggml.model";

impl Tokenizer {
    /// Builds the tokenizer that a GGUF file describes under its `tokenizer.` keys.
    ///
    /// # Errors
    /// [`TokenizerError::MissingKey`], [`TokenizerError::Metadata`] or [`TokenizerError::BadValue`] if the metadata are
    /// incomplete or contradict each other; [`TokenizerError::Unsupported`] for an unknown kind of vocabulary or
    /// pre-tokenizer, with the supported ones; [`TokenizerError::Definition`] if the parts do not make a tokenizer.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, TokenizerError> {
        let model = metadata
            .str(MODEL)?
            .ok_or(TokenizerError::MissingKey { key: MODEL, why: "it names the kind of tokenizer" })?;
        let vocabulary = Vocabulary::read(metadata)?;
        let mut notes = Vec::new();
        let mut special = special_tokens(metadata, vocabulary.tokens.len(), &mut notes)?;
        let components = match model {
            "gpt2" => byte_level_bpe(metadata, &vocabulary, &mut special)?,
            "llama" => sentencepiece_bpe(metadata, &vocabulary, &mut special)?,
            other => {
                return Err(TokenizerError::Unsupported {
                    key: MODEL,
                    found: other.to_owned(),
                    known: "gpt2 (byte-level BPE), llama (SentencePiece BPE)".to_owned(),
                });
            }
        };
        let name = |id: u32| vocabulary.tokens.get(usize::try_from(id).ok()?).cloned();
        // An explicit value replaces the default of the vocabulary's kind.
        if let Some(add) = metadata.bool("tokenizer.ggml.add_bos_token")? {
            special.add_bos = add;
        }
        if let Some(add) = metadata.bool("tokenizer.ggml.add_eos_token")? {
            special.add_eos = add;
        }
        if special.add_bos && special.bos.is_none() {
            return Err(TokenizerError::MissingKey {
                key: "tokenizer.ggml.bos_token_id",
                why: "the beginning token is to be added to every text",
            });
        }
        let definition = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": vocabulary.added_tokens(),
            "normalizer": components.normalizer,
            "pre_tokenizer": components.pre_tokenizer,
            "post_processor": special.post_processor(name),
            "decoder": components.decoder,
            "model": components.model,
        });
        let template = metadata.str("tokenizer.chat_template")?.map(str::to_owned);
        let mut tokenizer = Self::new(definition, special, template)?;
        tokenizer.notes.extend(notes);
        Ok(tokenizer)
    }
}

/// Reads the ids of the special tokens; end tokens are end of sequence, end of turn and end of message, in this order.
/// An id outside the vocabulary of `size` tokens is left out with a remark, as in llama.cpp: no text contains it.
fn special_tokens(metadata: &Metadata, size: usize, notes: &mut Vec<String>) -> Result<SpecialTokens, TokenizerError> {
    let mut id = |name: &str| -> Result<Option<u32>, TokenizerError> {
        let key = format!("tokenizer.ggml.{name}_token_id");
        let Some(id) = metadata.u64(&key)? else {
            return Ok(None);
        };
        let inside = u32::try_from(id).ok().filter(|&id| usize::try_from(id).is_ok_and(|id| id < size));
        if inside.is_none() {
            notes.push(format!("`{key}` {id} is not used: it is outside the vocabulary of {size} tokens"));
        }
        Ok(inside)
    };
    let mut special =
        SpecialTokens { bos: id("bos")?, unk: id("unknown")?, pad: id("padding")?, ..SpecialTokens::default() };
    for name in ["eos", "eot", "eom"] {
        if let Some(id) = id(name)? {
            special.push_eos(id);
        }
    }
    Ok(special)
}
