//! Errors of split GGUF models, whose parts are files of their own.

/// Reason why the parts of a split GGUF model do not make a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A key of the split has an impossible value, or one that contradicts another part.
    #[error("metadata key `{key}`: expected {expected}, found {found}")]
    Key {
        /// The key.
        key: &'static str,
        /// The values that are possible.
        expected: String,
        /// Value in the file.
        found: u64,
    },
    /// The name of a part does not lead to the other parts.
    #[error(
        "this is part {number} of {count}: expected a name that ends in `-{number:05}-of-{count:05}.gguf`, by which the \
         other parts are found"
    )]
    PartName {
        /// Number of the part, from 1.
        number: u64,
        /// Number of parts.
        count: u64,
    },
    /// A part does not exist.
    #[error("part {number} of {count} is missing, expected beside this one: `{name}`")]
    MissingPart {
        /// File name of the part.
        name: String,
        /// Number of the part, from 1.
        number: u64,
        /// Number of parts.
        count: u64,
    },
}

impl SplitError {
    /// Whether a file is missing or was not found, rather than damaged.
    pub(super) fn is_missing(&self) -> bool {
        !matches!(self, Self::Key { .. })
    }
}
