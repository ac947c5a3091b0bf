//! The vocabulary in GGUF metadata: takes tokens and token types, gives the parts of `tokenizer.json` that list tokens.

use std::collections::HashMap;

use laser_checkpoint::Metadata;
use serde_json::{Value, json};

use crate::tokenizer::error::TokenizerError;

const TOKENS: &str = "tokenizer.ggml.tokens";
const TOKEN_TYPE: &str = "tokenizer.ggml.token_type";

/// Purpose of a token, as in `tokenizer.ggml.token_type`, which has SentencePiece's numbers.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum TokenKind {
    /// Ordinary token, made by merging; also unused tokens, which no text produces.
    Piece,
    /// The unknown token: replaces text that the vocabulary cannot spell.
    Unknown,
    /// A meaning without text: beginning, end, turns of a chat.
    Control,
    /// Matched as a whole wherever its text occurs.
    UserDefined,
    /// One byte of text that the ordinary tokens cannot spell.
    Byte,
}

/// The tokens of a GGUF file with their kinds; a token's index is its id.
pub(super) struct Vocabulary<'a> {
    pub(super) tokens: &'a [String],
    kinds: Vec<TokenKind>,
}

impl<'a> Vocabulary<'a> {
    /// Reads tokens and kinds.
    ///
    /// # Errors
    /// No tokens, two equal tokens, or another number of kinds than tokens.
    pub(super) fn read(metadata: &'a Metadata) -> Result<Self, TokenizerError> {
        let tokens =
            metadata.strings(TOKENS)?.ok_or(TokenizerError::MissingKey { key: TOKENS, why: "it is the vocabulary" })?;
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in tokens.iter().enumerate() {
            if let Some(earlier) = ids.insert(token, id) {
                return Err(TokenizerError::BadValue {
                    key: TOKENS.to_owned(),
                    expected: "distinct tokens".to_owned(),
                    found: format!("{token:?} as number {earlier} and number {id}"),
                });
            }
        }
        let kinds = match metadata.i32s(TOKEN_TYPE)? {
            Some(types) => types.iter().map(|&number| kind(number)).collect(),
            None => vec![TokenKind::Piece; tokens.len()],
        };
        let vocabulary = Self { tokens, kinds };
        vocabulary.check_length(TOKEN_TYPE, vocabulary.kinds.len())?;
        Ok(vocabulary)
    }

    /// Tokens with their kinds, in the order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, TokenKind)> {
        self.tokens.iter().map(String::as_str).zip(self.kinds.iter().copied())
    }

    /// The `vocab` object of `tokenizer.json`: token to id.
    pub(super) fn definition(&self) -> Value {
        self.tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect()
    }

    /// The `added_tokens` list of `tokenizer.json`: tokens that are matched as a whole before the text is split and
    /// merged.
    pub(super) fn added_tokens(&self) -> Value {
        let matched_whole = |kind| matches!(kind, TokenKind::Unknown | TokenKind::Control | TokenKind::UserDefined);
        self.iter()
            .enumerate()
            // An empty token would match everywhere.
            .filter(|(_, (token, kind))| matched_whole(*kind) && !token.is_empty())
            .map(|(id, (token, kind))| {
                json!({
                    "id": id,
                    "content": token,
                    "single_word": false,
                    "lstrip": false,
                    "rstrip": false,
                    "normalized": false,
                    "special": kind != TokenKind::UserDefined,
                })
            })
            .collect()
    }

    /// Refuses a list of `key` that has not one value for each token.
    pub(super) fn check_length(&self, key: &str, found: usize) -> Result<(), TokenizerError> {
        if found == self.tokens.len() {
            return Ok(());
        }
        Err(TokenizerError::BadValue {
            key: key.to_owned(),
            expected: format!("one value for each of {} tokens", self.tokens.len()),
            found: found.to_string(),
        })
    }
}

/// Kind of a number in `tokenizer.ggml.token_type`.
fn kind(number: i32) -> TokenKind {
    match number {
        2 => TokenKind::Unknown,
        3 => TokenKind::Control,
        4 => TokenKind::UserDefined,
        6 => TokenKind::Byte,
        _ => TokenKind::Piece,
    }
}
