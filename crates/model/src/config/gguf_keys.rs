//! Typed access to the metadata of a GGUF file; every error names file, key, expected and found.
//!
//! No size is believed that the file cannot hold: every size of a model is a dimension of one of its tensors or less.

use std::path::Path;

use laser_checkpoint::{Array, Checkpoint, CheckpointError, Metadata, Value};

use crate::error::{Error, Result};

/// Keys that count positions in a text, which no tensor need have as a dimension.
const POSITIONS: [&str; 3] = ["context_length", "attention.sliding_window", "rope.scaling.original_context_length"];
/// Largest number of positions, the largest that llama.cpp reads.
const MAX_POSITIONS: usize = u32::MAX as usize;

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
    /// Largest dimension of a tensor that has values.
    largest_dim: usize,
}

impl<'a> GgufKeys<'a> {
    pub(crate) fn new(file: &'a str, metadata: &'a Metadata, family: &'a str, checkpoint: &'a Checkpoint) -> Self {
        // A tensor without values has dimensions of any size without a byte in the file.
        let dims = checkpoint.tensors().filter(|info| info.elements() > 0).flat_map(|info| info.shape.iter().copied());
        Self { file, metadata, family, checkpoint, largest_dim: dims.max().unwrap_or(0) }
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

    /// Names the file in an error of the metadata.
    fn named<T>(&self, value: Result<T, CheckpointError>) -> Result<T> {
        value.map_err(|problem| problem.in_file(Path::new(self.file)).into())
    }

    /// A size, if the file has the key.
    ///
    /// # Errors
    /// A value that is no size, or larger than any dimension in the file.
    pub(crate) fn count_or_none(&self, key: &str) -> Result<Option<usize>> {
        match self.named(self.metadata.u64(&self.full_name(key)))? {
            None => Ok(None),
            Some(found) => self.checked_count(key, found).map(Some),
        }
    }

    /// A size that the file may give for each of `layers` layers, if it has the key. A 0 in a list stands for a layer that
    /// the size does not concern, such as the number of heads in a layer without attention.
    ///
    /// # Errors
    /// As [`GgufKeys::count_or_none`]; a list of another length, or with other values that differ.
    pub(super) fn count_of_layers_or_none(&self, key: &str, layers: usize) -> Result<Option<usize>> {
        let name = self.full_name(key);
        let Some(Value::Array(_)) = self.metadata.get(&name) else {
            return self.count_or_none(key);
        };
        let counts = self.named(self.metadata.u64s(&name))?.unwrap_or_default();
        if counts.len() != layers {
            return Err(self.wrong(key, format!("one value for each of {layers} layers"), counts.len()));
        }
        let concerned = counts.iter().enumerate().find(|(_, count)| **count != 0);
        let Some((first_layer, first)) = concerned else { return Err(self.wrong(key, "a count", 0)) };
        if let Some(layer) = counts.iter().position(|count| *count != 0 && count != first) {
            let found = format!("{first} in layer {first_layer} and {} in layer {layer}", counts[layer]);
            return Err(self.wrong(
                key,
                "the same value for all layers, as layers that differ are not supported",
                found,
            ));
        }
        self.checked_count(key, *first).map(Some)
    }

    /// Refuses a size that the file cannot hold, before anything is allocated or computed from it.
    fn checked_count(&self, key: &str, found: u64) -> Result<usize> {
        let (limit, of) = match POSITIONS.contains(&key) {
            true => (MAX_POSITIONS, "positions"),
            false => (self.largest_dim, "the largest dimension of a tensor in the file"),
        };
        match usize::try_from(found) {
            Ok(count) if count <= limit => Ok(count),
            _ => Err(self.wrong(key, format!("at most {limit}, {of}"), found)),
        }
    }

    /// Refuses a product of two sizes that no dimension in the file reaches.
    ///
    /// # Errors
    /// Such a product; the error names `key` with its value `found`.
    pub(super) fn check_product(&self, key: &str, found: usize, other: usize) -> Result<()> {
        match found.checked_mul(other) {
            Some(product) if product <= self.largest_dim => Ok(()),
            _ => {
                let limit = self.largest_dim;
                let expected =
                    format!("at most {limit}, the largest dimension of a tensor in the file, over {other} heads");
                Err(self.wrong(key, expected, found))
            }
        }
    }

    /// Number of blocks of which the file has tensors `blk.N.`, counted up to the last one.
    pub(super) fn blocks(&self) -> usize {
        let block = |name: &str| name.strip_prefix("blk.")?.split_once('.')?.0.parse::<usize>().ok();
        self.checkpoint.tensors().filter_map(|info| block(&info.name)).max().map_or(0, |last| last.saturating_add(1))
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
    /// A value that is no finite number.
    pub(crate) fn number_or_none(&self, key: &str) -> Result<Option<f64>> {
        let number = self.named(self.metadata.f64(&self.full_name(key)))?;
        match number.filter(|number| !number.is_finite()) {
            Some(found) => Err(self.wrong(key, "a finite number", found)),
            None => Ok(number),
        }
    }

    /// A number, or `default` if the file lacks the key.
    ///
    /// # Errors
    /// A value that is no number.
    pub(crate) fn number_or(&self, key: &str, default: f64) -> Result<f64> {
        Ok(self.number_or_none(key)?.unwrap_or(default))
    }

    /// A number for each of `layers` layers, or one for all of them, under a full name without the family.
    ///
    /// # Errors
    /// A missing key, another count of numbers, or a value that is no finite number.
    pub(super) fn layer_numbers(&self, name: &str, layers: usize) -> Result<Vec<f32>> {
        let wrong = |found: String| Error::Config {
            file: self.file.into(),
            key: name.into(),
            expected: format!("one finite number for each of {layers} layers"),
            found,
        };
        let numbers = match self.metadata.get(name) {
            Some(Value::Array(_)) => self.named(self.metadata.f32s(name))?.map(<[f32]>::to_vec),
            _ => self.named(self.metadata.f64(name))?.map(|number| vec![number as f32; layers]),
        };
        let numbers = numbers.ok_or_else(|| wrong("nothing".into()))?;
        if numbers.len() != layers {
            return Err(wrong(format!("{} numbers", numbers.len())));
        }
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(odd) => Err(wrong(odd.to_string())),
            None => Ok(numbers),
        }
    }

    /// A truth value, or `default` if the file lacks the key.
    ///
    /// # Errors
    /// A value that is no truth value.
    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.named(self.metadata.bool(&self.full_name(key)))?.unwrap_or(default))
    }

    /// A list of truth values; `None` if the file lacks the key or has a single value under it.
    ///
    /// # Errors
    /// A list of something else.
    pub(super) fn flags_or_none(&self, key: &str) -> Result<Option<Vec<bool>>> {
        match self.metadata.get(&self.full_name(key)) {
            Some(Value::Array(Array::Bools(flags))) => Ok(Some(flags.clone())),
            // Some writers store truth values as numbers.
            Some(Value::Array(_)) => {
                let numbers = self.named(self.metadata.u64s(&self.full_name(key)))?;
                Ok(numbers.map(|numbers| numbers.into_iter().map(|number| number != 0).collect()))
            }
            _ => Ok(None),
        }
    }

    /// A text, or `default` if the file lacks the key.
    ///
    /// # Errors
    /// A value that is no text.
    pub(super) fn string_or(&self, key: &str, default: &'a str) -> Result<&'a str> {
        Ok(self.named(self.metadata.str(&self.full_name(key)))?.unwrap_or(default))
    }

    /// Whether the file has a tensor of this name.
    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.checkpoint.info(name).is_some()
    }

    /// Size of a dimension of a tensor, if the file has the tensor. The outermost dimension is 0.
    ///
    /// A tensor without values may claim any size, so its dimensions do not count.
    pub(crate) fn dim_of(&self, name: &str, dim: usize) -> Option<usize> {
        self.checkpoint.info(name).filter(|info| info.elements() > 0)?.shape.get(dim).copied()
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
