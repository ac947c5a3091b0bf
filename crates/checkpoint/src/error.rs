//! Everything that can be wrong with a model file.

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A metadata key stands twice in one file.
    #[error("metadata key `{key}` occurs twice")]
    DuplicateKey {
        /// The repeated key.
        key: String,
    },
    /// A metadata value is not of the kind its reader needs.
    #[error("metadata key `{key}`: expected {expected}, found {found}")]
    MetadataType {
        /// The key asked for.
        key: String,
        /// The kind asked for.
        expected: &'static str,
        /// The kind, and for integers the value, that the file holds.
        found: String,
    },
}
