//! Typed access to the metadata of a GGUF file; every error names file, key, expected and found.

use laser_checkpoint::{Checkpoint, Metadata};

use crate::error::{Error, Result};

/// Metadata and tensors of a GGUF file.
///
/// Keys are given without the family: `block_count` stands for `llama.block_count`.
pub(crate) struct GgufKeys<'a> {
    /// Named in errors.
    file: &'a str,
    metadata: &'a Metadata,
    /// `general.architecture`.
    family: &'a str,
    checkpoint: &'a Checkpoint,
}

impl<'a> GgufKeys<'a> {
    pub(crate) fn new(file: &'a str, metadata: &'a Metadata, family: &'a str, checkpoint: &'a Checkpoint) -> Self {
        Self { file, metadata, family, checkpoint }
    }

    /// The file, as errors name it.
    pub(crate) fn file(&self) -> &'a str {
        self.file
    }

    /// Full name of a key: `llama.block_count` for `block_count`.
    pub(super) fn full_name(&self, key: &str) -> String {
        format!("{}.{key}", self.family)
    }

    /// The error that a key has another value than expected.
    pub(crate) fn wrong(&self, key: &str, expected: impl ToString, found: impl ToString) -> Error {
        Error::Config {
            file: self.file.into(),
            key: self.full_name(key),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// A size, if the file has the key.
    ///
    /// # Errors
    /// A value that is no size.
    pub(crate) fn count_or_none(&self, key: &str) -> Result<Option<usize>> {
        match self.metadata.u64(&self.full_name(key))? {
            None => Ok(None),
            Some(n) => usize::try_from(n).map(Some).map_err(|_| self.wrong(key, "a size", n)),
        }
    }

    /// A size.
    ///
    /// # Errors
    /// A missing key, or a value that is no size.
    pub(crate) fn count(&self, key: &str) -> Result<usize> {
        self.count_or_none(key)?.ok_or_else(|| self.wrong(key, "a count", "nothing"))
    }

    /// A number, if the file has the key.
    ///
    /// # Errors
    /// A value that is no number.
    pub(crate) fn number_or_none(&self, key: &str) -> Result<Option<f64>> {
        Ok(self.metadata.f64(&self.full_name(key))?)
    }

    /// A number, or `default` if the file lacks the key.
    ///
    /// # Errors
    /// A value that is no number.
    pub(crate) fn number_or(&self, key: &str, default: f64) -> Result<f64> {
        Ok(self.number_or_none(key)?.unwrap_or(default))
    }

    /// A truth value, or `default` if the file lacks the key.
    ///
    /// # Errors
    /// A value that is no truth value.
    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.metadata.bool(&self.full_name(key))?.unwrap_or(default))
    }

    /// A text, or `default` if the file lacks the key.
    ///
    /// # Errors
    /// A value that is no text.
    pub(super) fn string_or(&self, key: &str, default: &'a str) -> Result<&'a str> {
        Ok(self.metadata.str(&self.full_name(key))?.unwrap_or(default))
    }

    /// Whether the file has a tensor of this name.
    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.checkpoint.info(name).is_some()
    }

    /// Size of a dimension of a tensor, if the file has the tensor. The outermost dimension is 0.
    pub(crate) fn dim_of(&self, name: &str, dim: usize) -> Option<usize> {
        self.checkpoint.info(name)?.shape.get(dim).copied()
    }

    /// Values of a tensor that belongs to the configuration (rotary divisors), if the file has it.
    ///
    /// # Errors
    /// A tensor that cannot be read.
    pub(super) fn tensor_values(&self, name: &str) -> Result<Option<Vec<f64>>> {
        if !self.has_tensor(name) {
            return Ok(None);
        }
        Ok(Some(self.checkpoint.tensor(name)?.to_f32()?.into_iter().map(f64::from).collect()))
    }
}
