//! What can go wrong with a tokenizer; each case names the file, key, token or text.

use std::path::PathBuf;

/// Why a tokenizer could not be built, or a text not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// A file could not be read.
    #[error("{}: {source}{hint}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
        /// What else was found, and what to do.
        hint: &'static str,
    },
    /// A file is not the JSON it should be.
    #[error("{}: {reason}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser found.
        reason: String,
    },
    /// The parts do not make a tokenizer.
    #[error("the tokenizer definition is not usable: {0}")]
    Definition(String),
    /// A metadata value has the wrong type.
    #[error(transparent)]
    Metadata(#[from] laser_checkpoint::CheckpointError),
    /// A metadata key that the kind of tokenizer needs is absent.
    #[error("metadata key {key} is missing: {why}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// What it is needed for.
        why: &'static str,
    },
    /// A metadata value disagrees with the vocabulary.
    #[error("metadata key {key}: expected {expected}, found {found}")]
    BadValue {
        /// The key.
        key: String,
        /// What the vocabulary demands.
        expected: String,
        /// What the file says.
        found: String,
    },
    /// A kind of tokenizer or pre-tokenizer that is not built.
    #[error("metadata key {key}: {found:?} is not supported; supported are {known}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// The name in the file.
        found: String,
        /// The names that are supported.
        known: String,
    },
    /// A special token's id is not in the vocabulary.
    #[error("{name} token: id {id} is not in the vocabulary of {size}")]
    NoSuchToken {
        /// Which special token.
        name: &'static str,
        /// Its id.
        id: u32,
        /// Tokens in the vocabulary.
        size: usize,
    },
    /// A text cannot be encoded.
    #[error("cannot encode {text:?}: {reason}")]
    Encode {
        /// The text.
        text: String,
        /// What the vocabulary lacks.
        reason: String,
    },
    /// Token ids cannot be decoded.
    #[error("cannot decode token ids: {0}")]
    Decode(String),
    /// A continuation has no token of its own behind its context.
    #[error("the continuation {continuation:?} has no token of its own after {context:?}")]
    EmptyContinuation {
        /// The text before.
        context: String,
        /// The text to be scored.
        continuation: String,
    },
    /// An empty context, and the model has no token that could stand for it.
    #[error("the context of {continuation:?} is empty and the model has neither a beginning nor an end token")]
    EmptyContext {
        /// The text to be scored.
        continuation: String,
    },
}
