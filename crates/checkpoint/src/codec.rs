//! Conversion of stored bytes to `f32` and back, for every weight type.
//!
//! Works in pieces of [`PIECE`] elements, so that only one piece is in memory besides the caller's buffers. Values that
//! are read must be finite, and values that are written must still be finite when they are read back.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::dtype::Dtype;
use crate::error::CheckpointError;

mod blocks;
mod codes;
mod mxfp4;

pub use codes::CodeFormat;
pub(crate) use mxfp4::joined;

/// Number of elements converted at a time: a multiple of every block length, and small enough for the second-level
/// cache.
const PIECE: usize = 1 << 14;
/// Largest magnitude that is quantised to a block type: the largest value of the 16-bit scale that each block has. Far
/// above it, the quantiser's sums overflow, and it would store zeros without an error without an error.
const MAX_BLOCK_VALUE: f32 = 65504.0;

/// The name, element type and shape of a tensor, which determine how its values are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TensorSpec<'a> {
    /// Name, for error messages.
    pub(crate) name: &'a str,
    pub(crate) dtype: Dtype,
    /// Shape, outermost dimension first.
    pub(crate) shape: &'a [usize],
}

impl TensorSpec<'_> {
    /// Converts `bytes`, which begin with element `first` of the tensor, and fills `out`, which is as long as the
    /// values.
    ///
    /// # Errors
    /// [`CheckpointError::NotAWeightType`], [`CheckpointError::NotFinite`].
    pub(crate) fn decode(&self, first: usize, bytes: &[u8], out: &mut [f32]) -> Result<(), CheckpointError> {
        self.check_weight_type()?;
        debug_assert_eq!(self.dtype.bytes_for(out.len()), Some(bytes.len()));
        let pieces = bytes.chunks(self.piece_bytes()).zip(out.chunks_mut(PIECE));
        for (number, (bytes, out)) in pieces.enumerate() {
            decode_piece(self.dtype, bytes, out);
            self.check_finite(out, first + number * PIECE)?;
        }
        Ok(())
    }

    /// Reads whole blocks as codes, of a type that has a [`CodeFormat`]: one code for each value, a scale for each run, and an
    /// offset for each run if the format has offsets.
    pub(crate) fn read_codes(&self, bytes: &[u8], codes: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
        codes::read(self.dtype, bytes, &mut codes::Codes { codes, scales, offsets });
    }

    /// Converts `values`, those of the whole tensor, to bytes, rounded to nearest (floats: ties to even). Calls `sink`
    /// for each piece with its bytes and the values that reading these bytes gives.
    ///
    /// `old` holds the present bytes of the tensor if it has this type already, and is empty otherwise. Blocks whose
    /// present values are the new ones, bit for bit, keep their bytes.
    ///
    /// # Errors
    /// [`CheckpointError::NotAWeightType`], [`CheckpointError::ValueCount`], [`CheckpointError::PartialBlock`],
    /// [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`], and the errors of `sink`.
    pub(crate) fn encode(
        &self,
        values: &[f32],
        old: &[u8],
        mut sink: impl FnMut(&[u8], &[f32]) -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        self.byte_size()?; // checks type and shape
        let expected: usize = self.shape.iter().product();
        if values.len() != expected {
            return Err(CheckpointError::ValueCount { tensor: self.name.to_string(), expected, found: values.len() });
        }
        let mut old = old.chunks(self.piece_bytes()); // none if `old` is empty
        for (number, piece) in values.chunks(PIECE).enumerate() {
            let first = number * PIECE;
            self.check_finite(piece, first)?;
            let (mut bytes, mut stored) = encode_piece(self.dtype, piece);
            if let Some(old) = old.next() {
                keep_unchanged_blocks(self.dtype, old, piece, &mut bytes, &mut stored);
            }
            let lost = match self.dtype.is_quantised() {
                // An unchanged block that another program wrote may hold larger values; these come back unchanged and are not lost.
                true => piece.iter().zip(&stored).position(|(v, s)| v.abs() > MAX_BLOCK_VALUE && v != s),
                false => first_not_finite(&stored),
            };
            if let Some(index) = lost {
                return Err(CheckpointError::Overflow {
                    tensor: self.name.to_string(),
                    at: coordinates(first + index, self.shape),
                    value: piece[index],
                    dtype: self.dtype,
                });
            }
            sink(&bytes, &stored)?;
        }
        Ok(())
    }

    /// Number of bytes of the tensor.
    ///
    /// # Errors
    /// [`CheckpointError::NotAWeightType`], [`CheckpointError::ShapeOverflow`], [`CheckpointError::PartialBlock`].
    pub(crate) fn byte_size(&self) -> Result<usize, CheckpointError> {
        self.check_weight_type()?;
        let row = self.shape.last().copied().unwrap_or(1);
        if !row.is_multiple_of(self.dtype.block_len()) {
            return Err(CheckpointError::PartialBlock {
                tensor: self.name.to_string(),
                dtype: self.dtype,
                block: self.dtype.block_len(),
                found: row,
            });
        }
        let elements = self.shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
        elements.and_then(|elements| self.dtype.bytes_for(elements)).ok_or_else(|| CheckpointError::ShapeOverflow {
            tensor: self.name.to_string(),
            shape: self.shape.iter().map(|&dim| dim as u64).collect(),
        })
    }

    /// Number of bytes of [`PIECE`] elements.
    fn piece_bytes(&self) -> usize {
        PIECE / self.dtype.block_len() * self.dtype.block_bytes()
    }

    /// Checks that the element type is a weight type.
    fn check_weight_type(&self) -> Result<(), CheckpointError> {
        if self.dtype.is_weight() {
            return Ok(());
        }
        Err(CheckpointError::NotAWeightType { tensor: self.name.to_string(), dtype: self.dtype })
    }

    /// Checks that all `values`, the first of which is element `first` of the tensor, are finite.
    fn check_finite(&self, values: &[f32], first: usize) -> Result<(), CheckpointError> {
        match first_not_finite(values) {
            None => Ok(()),
            Some(index) => Err(CheckpointError::NotFinite {
                tensor: self.name.to_string(),
                at: coordinates(first + index, self.shape),
                found: values[index],
            }),
        }
    }
}

/// Computes the values that a file gives back after storing `values` as `dtype`; errors name `tensor`.
///
/// # Errors
/// [`CheckpointError::NotAWeightType`], [`CheckpointError::PartialBlock`] if the values are not whole blocks,
/// [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`].
pub fn stored_values(tensor: &str, dtype: Dtype, values: &[f32]) -> Result<Vec<f32>, CheckpointError> {
    let shape = [values.len()];
    let spec = TensorSpec { name: tensor, dtype, shape: &shape };
    let mut back = Vec::with_capacity(values.len());
    spec.encode(values, &[], |_, stored| {
        back.extend_from_slice(stored);
        Ok(())
    })?;
    Ok(back)
}

/// Converts the bytes of whole blocks to values.
fn decode_piece(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => {
            for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = f32::from_le_bytes(*bytes);
            }
        }
        Dtype::F16 => {
            // As whole slices, for which `half` uses the conversion instructions of the processor.
            let halves = bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes));
            halves.collect::<Vec<_>>().convert_to_f32_slice(out);
        }
        Dtype::BF16 => {
            for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = bf16::from_le_bytes(*bytes).to_f32();
            }
        }
        block => blocks::dequantise(block, bytes, out),
    }
}

/// Converts values, whole blocks, to bytes; returns the bytes and the values that reading them gives.
fn encode_piece(dtype: Dtype, values: &[f32]) -> (Vec<u8>, Vec<f32>) {
    match dtype {
        Dtype::F32 => (values.iter().flat_map(|v| v.to_le_bytes()).collect(), values.to_vec()),
        Dtype::F16 => {
            let mut halves = vec![f16::ZERO; values.len()];
            halves.convert_from_f32_slice(values);
            (halves.iter().flat_map(|v| v.to_le_bytes()).collect(), halves.to_f32_vec())
        }
        Dtype::BF16 => {
            let halves: Vec<bf16> = values.iter().map(|v| bf16::from_f32(*v)).collect();
            (halves.iter().flat_map(|v| v.to_le_bytes()).collect(), halves.to_f32_vec())
        }
        block => blocks::quantise(block, values),
    }
}

/// Replaces new blocks by old ones where the old ones have the `wanted` values, bit for bit.
///
/// `bytes` and `stored` are the new bytes and the values they give; `old` are the old bytes of the same piece.
fn keep_unchanged_blocks(dtype: Dtype, old: &[u8], wanted: &[f32], bytes: &mut [u8], stored: &mut [f32]) {
    let mut old_values = vec![0.0; wanted.len()];
    decode_piece(dtype, old, &mut old_values);
    let (len, size) = (dtype.block_len(), dtype.block_bytes());
    let new_blocks = bytes.chunks_mut(size).zip(stored.chunks_mut(len));
    let old_blocks = old.chunks(size).zip(old_values.chunks(len)).zip(wanted.chunks(len));
    for ((bytes, stored), ((old, old_values), wanted)) in new_blocks.zip(old_blocks) {
        // Bits, because 0 and −0 compare equal and must not be exchanged.
        if old_values.iter().zip(wanted).all(|(old, wanted)| old.to_bits() == wanted.to_bits()) {
            bytes.copy_from_slice(old);
            stored.copy_from_slice(old_values);
        }
    }
}

/// Finds the position of the first NaN or infinity.
fn first_not_finite(values: &[f32]) -> Option<usize> {
    // A fold without early exit is vectorised, and in the usual case everything is finite.
    if values.iter().fold(true, |all, v| all & v.is_finite()) {
        return None;
    }
    values.iter().position(|v| !v.is_finite())
}

/// Computes the coordinates, outermost dimension first, of element `index` of a row-major tensor.
fn coordinates(mut index: usize, shape: &[usize]) -> Vec<usize> {
    let mut at = vec![0; shape.len()];
    for (at, &size) in at.iter_mut().zip(shape).rev() {
        *at = index % size;
        index /= size;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of values in a test: a multiple of every block length, but not of [`PIECE`].
    const COUNT: usize = PIECE + 3 * 256;

    /// Makes values between −7 and 7.
    fn values() -> Vec<f32> {
        (0..COUNT).map(|i| (i as f32 * 0.37).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    /// All weight types.
    fn weight_types() -> impl Iterator<Item = Dtype> {
        Dtype::all().filter(|dtype| dtype.is_weight())
    }

    #[test]
    fn decoding_the_encoded_bytes_gives_the_stored_values() {
        let shape = [COUNT / 256, 256];
        for dtype in weight_types() {
            let spec = TensorSpec { name: "w", dtype, shape: &shape };
            let mut bytes = Vec::new();
            spec.encode(&values(), &[], |piece, _| {
                bytes.extend_from_slice(piece);
                Ok(())
            })
            .expect("finite values are stored");
            assert_eq!(Some(bytes.len()), dtype.bytes_for(COUNT));
            let mut out = vec![0.0; COUNT];
            spec.decode(0, &bytes, &mut out).expect("finite values are read");
            assert_eq!(out, stored_values("w", dtype, &values()).expect("as above"), "{dtype}");
        }
    }

    #[test]
    fn floats_round_to_nearest_even() {
        // 1 plus 1.5 steps of the last place lies midway between two numbers and is rounded to the even one, 1 plus 2.
        for (dtype, step) in [(Dtype::F16, 2f32.powi(-10)), (Dtype::BF16, 2f32.powi(-7))] {
            let back = stored_values("w", dtype, &[1.0 + 1.5 * step, 1.0 + 0.5 * step, -0.0]).expect("finite");
            assert_eq!(back[..2], [1.0 + 2.0 * step, 1.0], "{dtype}");
            assert!(back[2].is_sign_negative());
        }
    }

    #[test]
    fn values_that_are_not_finite_are_named_with_their_coordinates() {
        let mut bad = values();
        bad[PIECE + 300] = f32::NAN;
        for dtype in weight_types() {
            let spec = TensorSpec { name: "w", dtype, shape: &[COUNT / 256, 256] };
            let error = spec.encode(&bad, &[], |_, _| Ok(())).expect_err("NaN is refused");
            let coordinates = vec![PIECE / 256 + 1, 44];
            assert!(matches!(&error, CheckpointError::NotFinite { at, .. } if *at == coordinates), "{dtype}: {error}");
        }
    }

    #[test]
    fn too_large_values_are_refused_not_made_infinite() {
        for dtype in weight_types().filter(|dtype| *dtype != Dtype::F32) {
            let mut large = values();
            large[PIECE + 5] = -f32::MAX;
            let error = stored_values("w", dtype, &large).expect_err("f32::MAX is too large");
            assert!(
                matches!(&error, CheckpointError::Overflow { at, value, .. }
                    if *at == vec![PIECE + 5] && *value == -f32::MAX),
                "{dtype}: {error}"
            );
        }
    }

    #[test]
    fn integers_and_partial_blocks_are_refused() {
        assert!(matches!(
            stored_values("w", Dtype::I64, &[1.0]),
            Err(CheckpointError::NotAWeightType { dtype: Dtype::I64, .. })
        ));
        assert!(matches!(
            stored_values("w", Dtype::Q8_0, &[1.0; 33]),
            Err(CheckpointError::PartialBlock { found: 33, .. })
        ));
    }

    #[test]
    fn coordinates_count_row_major() {
        assert_eq!(coordinates(23, &[2, 3, 4]), [1, 2, 3]);
        assert!(coordinates(0, &[]).is_empty());
    }
}
