//! The kinds of errors: takes a [`CheckpointError`], gives one of a few groups, for callers that treat errors of one
//! group alike.

use super::CheckpointError;

/// The kind of a [`CheckpointError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckpointErrorKind {
    /// The operating system refused to open, read or write a file.
    Io,
    /// The model, its index or the tensor asked for does not exist.
    Missing,
    /// The file may be valid, but its format, version or element type is not supported here.
    Unsupported,
    /// A file, or the description of a new file, breaks the rules of its format, for example because it is truncated.
    Malformed,
    /// A value is NaN, infinite, or too large for the type it should be stored in.
    Value,
    /// The caller's arguments do not fit the tensor or name no element type.
    Argument,
}

impl CheckpointError {
    /// Returns the kind of this error, without regard to the file it concerns.
    pub fn kind(&self) -> CheckpointErrorKind {
        match self {
            Self::InFile { problem, .. } => problem.kind(),
            Self::Io { .. } => CheckpointErrorKind::Io,
            Self::Split(problem) if problem.is_missing() => CheckpointErrorKind::Missing,
            Self::NoModel | Self::NoIndex { .. } | Self::NoSuchTensor { .. } => CheckpointErrorKind::Missing,
            Self::Pickle { .. }
            | Self::UnknownFormat
            | Self::UnknownDtype { .. }
            | Self::UnsupportedVersion { .. }
            | Self::BigEndian
            | Self::NestingTooDeep { .. }
            | Self::NotAWeightType { .. }
            | Self::DtypeForFormat { .. } => CheckpointErrorKind::Unsupported,
            Self::StandIn { .. }
            | Self::Truncated { .. }
            | Self::DuplicateTensor { .. }
            | Self::ShapeOverflow { .. }
            | Self::PartialBlock { .. }
            | Self::DataOutOfRange { .. }
            | Self::Overlap { .. }
            | Self::HeaderTooLarge { .. }
            | Self::InvalidJson { .. }
            | Self::WrongSize { .. }
            | Self::Gap { .. }
            | Self::TrailingBytes { .. }
            | Self::InvalidShardName { .. }
            | Self::MissingTensor { .. }
            | Self::SurplusTensor { .. }
            | Self::WrongMagic { .. }
            | Self::Split(_)
            | Self::CountTooLarge { .. }
            | Self::NotUtf8 { .. }
            | Self::UnknownValueType { .. }
            | Self::InvalidBool { .. }
            | Self::DuplicateKey { .. }
            | Self::MetadataType { .. }
            | Self::InvalidAlignment { .. }
            | Self::TooManyDimensions { .. }
            | Self::Misaligned { .. } => CheckpointErrorKind::Malformed,
            Self::NotFinite { .. } | Self::Overflow { .. } => CheckpointErrorKind::Value,
            Self::RowsOutOfRange { .. }
            | Self::ValueCount { .. }
            | Self::ReservedName { .. }
            | Self::UnknownDtypeName { .. } => CheckpointErrorKind::Argument,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_file_does_not_change_the_kind() {
        let missing = CheckpointError::NoSuchTensor { tensor: "t".to_string() };
        assert_eq!(missing.kind(), CheckpointErrorKind::Missing);
        assert_eq!(missing.in_file(Path::new("model.gguf")).kind(), CheckpointErrorKind::Missing);
        assert_eq!(CheckpointError::BigEndian.kind(), CheckpointErrorKind::Unsupported);
    }
}
