//! Errors of tokenizers; every error names the file, key, token or text concerned.

use std::path::PathBuf;

/// Reason why a tokenizer could not be built, or a text could not be encoded or decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The tokenizer in a GGUF file is not usable.
    #[error("{}: {problem}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the file.
        problem: Box<TokenizerError>,
    },
    /// A file could not be read.
    #[error("{}: {source}{hint}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
        /// Advice to the user; may be empty.
        hint: &'static str,
    },
    /// A file is not valid JSON.
    #[error("{}: {reason}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Error of the JSON parser.
        reason: String,
    },
    /// The contents of `tokenizer.json` do not make a tokenizer.
    #[error("the tokenizer definition is not usable: {0}")]
    Definition(String),
    /// A metadata value has the wrong type.
    #[error(transparent)]
    Metadata(#[from] laser_checkpoint::CheckpointError),
    /// A metadata key is missing that this kind of tokenizer needs.
    #[error("metadata key {key} is missing: {why}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// Purpose of the key.
        why: &'static str,
    },
    /// GGUF has no rules for the tokenizer.
    #[error("the tokenizer cannot be written to a GGUF file: it has {found}")]
    NotInGguf {
        /// The part that has no counterpart.
        found: String,
    },
    /// A metadata value does not fit the vocabulary.
    #[error("metadata key {key}: expected {expected}, found {found}")]
    BadValue {
        /// The key.
        key: String,
        /// The values that fit.
        expected: String,
        /// The value in the file.
        found: String,
    },
    /// A kind of tokenizer or pre-tokenizer is not supported.
    #[error("metadata key {key}: {found:?} is not supported; supported are {known}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// Name of the kind in the file.
        found: String,
        /// Names of the supported kinds.
        known: String,
    },
    /// The id of a token is far beyond the number of tokens.
    #[error("tokenizer.json: token {token:?}: expected an id below {limit}, found {id}")]
    IdTooLarge {
        /// The token.
        token: String,
        /// Its id.
        id: String,
        /// Bound of ids in a file of this size.
        limit: u64,
    },
    /// A text cannot be encoded.
    #[error("cannot encode {text:?}: {reason}")]
    Encode {
        /// The text.
        text: String,
        /// Error of the `tokenizers` crate.
        reason: String,
    },
    /// Token ids cannot be decoded.
    #[error("cannot decode token ids: {0}")]
    Decode(String),
    /// The joined text of context and continuation has no more tokens than the context alone.
    #[error("the continuation {continuation:?} has no token of its own after {context:?}")]
    EmptyContinuation {
        /// The text before the continuation.
        context: String,
        /// The text to be scored.
        continuation: String,
    },
    /// The context is empty, and the model has neither a beginning nor an end token to replace it.
    #[error("the context of {continuation:?} is empty and the model has neither a beginning nor an end token")]
    EmptyContext {
        /// The text to be scored.
        continuation: String,
    },
}
