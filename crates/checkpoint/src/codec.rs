//! Bytes to `f32` and back, for every type weights are stored in.
//!
//! Works in pieces of [`PIECE`] elements, so that besides the caller's buffers only one piece is ever held. What is
//! read must be finite, and so must be what is written when it is read back.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::gguf::quant;

/// Elements handled at a time: a multiple of every block length, and small enough for the second-level cache.
const PIECE: usize = 1 << 14;
/// The largest magnitude quantised to a block type: that of the 16-bit scales all of them have. Far above it the
/// quantiser's own sums overflow and it silently stores zeros.
const BLOCK_LIMIT: f32 = 65504.0;

/// The name, type and shape under which values are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub(crate) tensor: &'a str,
    pub(crate) dtype: Dtype,
    /// Outermost first.
    pub(crate) shape: &'a [usize],
}

impl Slot<'_> {
    /// Reads `bytes`, which begin with element `first` of the tensor, into `out`, which has a place for each value.
    ///
    /// # Errors
    /// [`CheckpointError::NotWeights`], [`CheckpointError::NotFinite`].
    pub(crate) fn decode(&self, first: usize, bytes: &[u8], out: &mut [f32]) -> Result<(), CheckpointError> {
        self.expect_weights()?;
        debug_assert_eq!(self.dtype.bytes_for(out.len()), Some(bytes.len()));
        let pieces = bytes.chunks(self.piece_bytes()).zip(out.chunks_mut(PIECE));
        for (number, (bytes, out)) in pieces.enumerate() {
            decode_piece(self.dtype, bytes, out);
            self.expect_finite(out, first + number * PIECE)?;
        }
        Ok(())
    }

    /// Stores `values`, the whole tensor, rounded to nearest (floats: ties to even); the bytes go to `sink`, piece by
    /// piece, together with what reading them back gives.
    ///
    /// `old` are the tensor's bytes so far, where it is in this type already, else nothing: blocks that hold the wanted
    /// values, bit for bit, stay as they are.
    ///
    /// # Errors
    /// [`CheckpointError::NotWeights`], [`CheckpointError::ValueCount`], [`CheckpointError::PartialBlock`],
    /// [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`], and what `sink` reports.
    pub(crate) fn encode(
        &self,
        values: &[f32],
        old: &[u8],
        mut sink: impl FnMut(&[u8], &[f32]) -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        self.size()?;
        let expected: usize = self.shape.iter().product();
        if values.len() != expected {
            return Err(CheckpointError::ValueCount { tensor: self.tensor.to_string(), expected, found: values.len() });
        }
        let mut old = old.chunks(self.piece_bytes());
        for (number, piece) in values.chunks(PIECE).enumerate() {
            let first = number * PIECE;
            self.expect_finite(piece, first)?;
            let (mut bytes, mut stored) = encode_piece(self.dtype, piece);
            if let Some(old) = old.next() {
                keep_blocks(self.dtype, old, piece, &mut bytes, &mut stored);
            }
            let lost = match self.dtype.is_quantised() {
                // Another program may have stored more, and what comes back as it was is not lost.
                true => piece.iter().zip(&stored).position(|(v, s)| v.abs() > BLOCK_LIMIT && v != s),
                false => first_not_finite(&stored),
            };
            if let Some(index) = lost {
                return Err(CheckpointError::Overflow {
                    tensor: self.tensor.to_string(),
                    at: coordinates(first + index, self.shape),
                    value: piece[index],
                    dtype: self.dtype,
                });
            }
            sink(&bytes, &stored)?;
        }
        Ok(())
    }

    /// The bytes this tensor takes as a type that weights are written in.
    ///
    /// # Errors
    /// [`CheckpointError::NotWeights`], [`CheckpointError::ShapeOverflow`], [`CheckpointError::PartialBlock`].
    pub(crate) fn size(&self) -> Result<usize, CheckpointError> {
        self.expect_weights()?;
        let row = self.shape.last().copied().unwrap_or(1);
        if !row.is_multiple_of(self.dtype.block_len()) {
            return Err(CheckpointError::PartialBlock {
                tensor: self.tensor.to_string(),
                dtype: self.dtype,
                block: self.dtype.block_len(),
                found: row,
            });
        }
        let elements = self.shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
        elements.and_then(|elements| self.dtype.bytes_for(elements)).ok_or_else(|| CheckpointError::ShapeOverflow {
            tensor: self.tensor.to_string(),
            shape: self.shape.iter().map(|&dim| dim as u64).collect(),
        })
    }

    /// The bytes [`PIECE`] elements take.
    fn piece_bytes(&self) -> usize {
        PIECE / self.dtype.block_len() * self.dtype.block_bytes()
    }

    fn expect_weights(&self) -> Result<(), CheckpointError> {
        if self.dtype.is_weight() {
            return Ok(());
        }
        Err(CheckpointError::NotWeights { tensor: self.tensor.to_string(), dtype: self.dtype })
    }

    fn expect_finite(&self, values: &[f32], first: usize) -> Result<(), CheckpointError> {
        match first_not_finite(values) {
            None => Ok(()),
            Some(index) => Err(CheckpointError::NotFinite {
                tensor: self.tensor.to_string(),
                at: coordinates(first + index, self.shape),
                found: values[index],
            }),
        }
    }
}

/// What reading back gives after `values` were stored as `dtype`; errors are in the name of `tensor`.
///
/// # Errors
/// [`CheckpointError::NotWeights`], [`CheckpointError::PartialBlock`] when they are not whole blocks,
/// [`CheckpointError::NotFinite`], [`CheckpointError::Overflow`].
pub fn stored_values(tensor: &str, dtype: Dtype, values: &[f32]) -> Result<Vec<f32>, CheckpointError> {
    let shape = [values.len()];
    let slot = Slot { tensor, dtype, shape: &shape };
    let mut back = Vec::with_capacity(values.len());
    slot.encode(values, &[], |_, stored| {
        back.extend_from_slice(stored);
        Ok(())
    })?;
    Ok(back)
}

fn decode_piece(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => {
            for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = f32::from_le_bytes(*bytes);
            }
        }
        Dtype::F16 => {
            let halves = bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes));
            halves.collect::<Vec<_>>().convert_to_f32_slice(out);
        }
        Dtype::BF16 => {
            for (out, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                *out = bf16::from_le_bytes(*bytes).to_f32();
            }
        }
        block => quant::dequantise(block, bytes, out),
    }
}

/// The bytes of a piece and what reading them back gives.
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
        block => quant::quantise(block, values),
    }
}

/// Puts those blocks of `old` that hold the `wanted` values, bit for bit, in the place of the new ones.
fn keep_blocks(dtype: Dtype, old: &[u8], wanted: &[f32], bytes: &mut [u8], stored: &mut [f32]) {
    let mut held = vec![0.0; wanted.len()];
    decode_piece(dtype, old, &mut held);
    let (values, size) = (dtype.block_len(), dtype.block_bytes());
    let new = bytes.chunks_mut(size).zip(stored.chunks_mut(values));
    let blocks = old.chunks(size).zip(held.chunks(values)).zip(wanted.chunks(values));
    for ((bytes, stored), ((old, held), wanted)) in new.zip(blocks) {
        if held.iter().zip(wanted).all(|(held, wanted)| held.to_bits() == wanted.to_bits()) {
            bytes.copy_from_slice(old);
            stored.copy_from_slice(held);
        }
    }
}

/// The index of the first NaN or infinity.
fn first_not_finite(values: &[f32]) -> Option<usize> {
    // Without an early way out, so that the usual case runs on whole vectors.
    if values.iter().fold(true, |all, v| all & v.is_finite()) {
        return None;
    }
    values.iter().position(|v| !v.is_finite())
}

/// The place of element `index` in a row-major tensor.
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

    /// Not a multiple of [`PIECE`], but of every block length.
    const COUNT: usize = PIECE + 3 * 256;

    fn values() -> Vec<f32> {
        (0..COUNT).map(|i| (i as f32 * 0.37).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    fn weights() -> impl Iterator<Item = Dtype> {
        Dtype::all().filter(|dtype| dtype.is_weight())
    }

    #[test]
    fn decoding_the_encoded_bytes_gives_the_stored_values() {
        let shape = [COUNT / 256, 256];
        for dtype in weights() {
            let slot = Slot { tensor: "w", dtype, shape: &shape };
            let mut bytes = Vec::new();
            slot.encode(&values(), &[], |piece, _| {
                bytes.extend_from_slice(piece);
                Ok(())
            })
            .expect("finite values are stored");
            assert_eq!(Some(bytes.len()), dtype.bytes_for(COUNT));
            let mut out = vec![0.0; COUNT];
            slot.decode(0, &bytes, &mut out).expect("finite values are read");
            assert_eq!(out, stored_values("w", dtype, &values()).expect("as above"), "{dtype}");
        }
    }

    #[test]
    fn floats_round_to_nearest_even() {
        // One and a half steps of the last place above 1 lies midway and goes to the even neighbour, two steps.
        for (dtype, step) in [(Dtype::F16, 2f32.powi(-10)), (Dtype::BF16, 2f32.powi(-7))] {
            let back = stored_values("w", dtype, &[1.0 + 1.5 * step, 1.0 + 0.5 * step, -0.0]).expect("finite");
            assert_eq!(back[..2], [1.0 + 2.0 * step, 1.0], "{dtype}");
            assert!(back[2].is_sign_negative());
        }
    }

    #[test]
    fn bad_values_are_named_with_their_place() {
        let mut bad = values();
        bad[PIECE + 300] = f32::NAN;
        for dtype in weights() {
            let slot = Slot { tensor: "w", dtype, shape: &[COUNT / 256, 256] };
            let error = slot.encode(&bad, &[], |_, _| Ok(())).expect_err("NaN is refused");
            let place = vec![PIECE / 256 + 1, 44];
            assert!(matches!(&error, CheckpointError::NotFinite { at, .. } if *at == place), "{dtype}: {error}");
        }
    }

    #[test]
    fn too_large_values_are_refused_not_made_infinite() {
        for dtype in weights().filter(|dtype| *dtype != Dtype::F32) {
            let mut large = values();
            large[PIECE + 5] = -f32::MAX;
            let error = stored_values("w", dtype, &large).expect_err("no place for f32::MAX");
            assert!(
                matches!(&error, CheckpointError::Overflow { at, value, .. }
                    if *at == vec![PIECE + 5] && *value == -f32::MAX),
                "{dtype}: {error}"
            );
        }
    }

    #[test]
    fn integers_are_no_weights_and_blocks_stay_whole() {
        assert!(matches!(
            stored_values("w", Dtype::I64, &[1.0]),
            Err(CheckpointError::NotWeights { dtype: Dtype::I64, .. })
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
