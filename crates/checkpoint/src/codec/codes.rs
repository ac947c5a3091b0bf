//! Blocks of GGUF as codes: whole numbers with a scale, and an offset, for each run of values.
//!
//! Facts of the layouts are those of `ggml-common.h`; the values that codes stand for are, bit for bit, those that
//! [`super::blocks`] gives, which a test holds for every type.

use half::f16;

use super::mxfp4;
use crate::dtype::Dtype;

/// Form of the values of a block type: `scale·(code − zero) + offset`, each operation rounded to f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeFormat {
    /// Number of consecutive values that share a scale and an offset; it divides the length of a block.
    pub run: usize,
    /// Largest number of bits of a code: 4 or 8.
    pub bits: u32,
    /// Code of zero.
    pub zero: u8,
    /// True if runs have offsets; without one, it counts as −0, which changes no number.
    pub has_offsets: bool,
}

impl Dtype {
    /// The codes of a block type; `None` for other types, and for those whose blocks are not read as codes.
    pub fn code_format(self) -> Option<CodeFormat> {
        let format = |run, bits, zero, has_offsets| Some(CodeFormat { run, bits, zero, has_offsets });
        match self {
            Self::Q4_0 => format(32, 4, 8, false),
            Self::Q4_1 | Self::Q4K => format(32, 4, 0, true),
            Self::Q5_0 => format(32, 8, 16, false),
            Self::Q5_1 | Self::Q5K => format(32, 8, 0, true),
            Self::Q8_0 => format(32, 8, 128, false),
            Self::Q6K => format(16, 8, 32, false),
            Self::MXFP4 => format(32, 8, mxfp4::ZERO, false),
            _ => None,
        }
    }
}

/// Codes of whole blocks, with the scales and offsets of their runs.
pub(super) struct Codes<'a> {
    /// One for each value.
    pub(super) codes: &'a mut [u8],
    /// One for each run.
    pub(super) scales: &'a mut [f32],
    /// One for each run; empty without offsets.
    pub(super) offsets: &'a mut [f32],
}

/// Reads whole blocks of a type that has a [`CodeFormat`].
pub(super) fn read(dtype: Dtype, bytes: &[u8], to: &mut Codes<'_>) {
    let format = dtype.code_format().expect("the caller has the format of the type");
    let (values, runs) = (dtype.block_len(), dtype.block_len() / format.run);
    for (block, bytes) in bytes.chunks_exact(dtype.block_bytes()).enumerate() {
        let codes = &mut to.codes[block * values..(block + 1) * values];
        let scales = &mut to.scales[block * runs..(block + 1) * runs];
        let offsets: &mut [f32] =
            if format.has_offsets { &mut to.offsets[block * runs..(block + 1) * runs] } else { &mut [] };
        match dtype {
            Dtype::Q4_0 => {
                scales[0] = half(bytes, 0);
                halves(&bytes[2..], codes);
            }
            Dtype::Q4_1 => {
                (scales[0], offsets[0]) = (half(bytes, 0), half(bytes, 2));
                halves(&bytes[4..], codes);
            }
            Dtype::Q5_0 => {
                scales[0] = half(bytes, 0);
                fifth_bits(&bytes[2..6], &bytes[6..], codes);
            }
            Dtype::Q5_1 => {
                (scales[0], offsets[0]) = (half(bytes, 0), half(bytes, 2));
                fifth_bits(&bytes[4..8], &bytes[8..], codes);
            }
            Dtype::Q8_0 => {
                scales[0] = half(bytes, 0);
                codes.iter_mut().zip(&bytes[2..]).for_each(|(code, byte)| *code = byte ^ 0x80);
            }
            Dtype::Q4K => {
                small_scales(bytes, scales, offsets);
                bytes[16..].chunks_exact(32).zip(codes.chunks_exact_mut(64)).for_each(|(from, to)| halves(from, to));
            }
            Dtype::Q5K => {
                small_scales(bytes, scales, offsets);
                let (high, low) = bytes[16..].split_at(32);
                for (run, codes) in codes.chunks_exact_mut(32).enumerate() {
                    for (i, code) in codes.iter_mut().enumerate() {
                        let four = low[run / 2 * 32 + i] >> (4 * (run % 2)) & 15;
                        *code = four | (high[i] >> run & 1) << 4;
                    }
                }
            }
            Dtype::MXFP4 => scales[0] = mxfp4::read_codes(bytes, codes),
            _ => {
                let scale = half(bytes, 208);
                for (scale_of_run, small) in scales.iter_mut().zip(&bytes[192..208]) {
                    *scale_of_run = scale * f32::from(small.cast_signed());
                }
                let (low, high) = bytes[..192].split_at(128);
                for (i, code) in codes.iter_mut().enumerate() {
                    let (half, quarter, place) = (i / 128, i % 128 / 32, i % 32);
                    let four = low[half * 64 + quarter % 2 * 32 + place] >> (quarter / 2 * 4) & 15;
                    *code = four | (high[half * 32 + place] >> (2 * quarter) & 3) << 4;
                }
            }
        }
    }
}

/// The f16 at a place.
fn half(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// Codes of 4 bits: the low halves of the bytes, then the high ones.
fn halves(bytes: &[u8], codes: &mut [u8]) {
    let (low, high) = codes.split_at_mut(codes.len() / 2);
    for ((byte, low), high) in bytes.iter().zip(low).zip(high) {
        (*low, *high) = (byte & 15, byte >> 4);
    }
}

/// Codes of 5 bits, whose highest bits stand apart.
fn fifth_bits(high: &[u8], low: &[u8], codes: &mut [u8]) {
    halves(low, codes);
    let high = u32::from_le_bytes([high[0], high[1], high[2], high[3]]);
    codes.iter_mut().enumerate().for_each(|(i, code)| *code |= ((high >> i & 1) as u8) << 4);
}

/// Scales and offsets of the eight runs of Q4_K and Q5_K: numbers of 6 bits, times two factors of the block.
fn small_scales(bytes: &[u8], scales: &mut [f32], offsets: &mut [f32]) {
    let (scale, minimum, packed) = (half(bytes, 0), half(bytes, 2), &bytes[4..16]);
    for run in 0..8 {
        let (s, m) = match run {
            0..4 => (packed[run] & 63, packed[run + 4] & 63),
            _ => (packed[run + 4] & 15 | packed[run - 4] >> 6 << 4, packed[run + 4] >> 4 | packed[run] >> 6 << 4),
        };
        (scales[run], offsets[run]) = (scale * f32::from(s), -(minimum * f32::from(m)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::blocks;

    #[test]
    fn codes_stand_for_the_bits_of_the_values() {
        let mut types = 0;
        for dtype in Dtype::all() {
            let Some(format) = dtype.code_format() else { continue };
            types += 1;
            // Pseudo-random bytes are blocks, too; a scale of f16 that is not finite is left out.
            let n = 64;
            let mut state = 12_345_u32;
            let mut bytes = vec![0; n * dtype.block_bytes()];
            for byte in &mut bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            let values = n * dtype.block_len();
            let runs = values / format.run;
            let (mut codes, mut scales) = (vec![0; values], vec![0.0; runs]);
            let mut offsets = vec![0.0; if format.has_offsets { runs } else { 0 }];
            read(dtype, &bytes, &mut Codes { codes: &mut codes, scales: &mut scales, offsets: &mut offsets });
            let mut expected = vec![0.0; values];
            blocks::dequantise(dtype, &bytes, &mut expected);
            let mut compared = 0;
            for (i, expected) in expected.iter().enumerate() {
                if expected.is_finite() {
                    let offset = offsets.get(i / format.run).copied().unwrap_or(-0.0);
                    let whole = i32::from(codes[i]) - i32::from(format.zero);
                    let found = scales[i / format.run] * whole as f32 + offset;
                    assert_eq!(found.to_bits(), expected.to_bits(), "{dtype} {i}: {found} {expected}");
                    assert!(u32::from(codes[i]) < 1 << format.bits);
                    compared += 1;
                }
            }
            assert!(compared > values / 2, "{dtype}: {compared}");
        }
        assert_eq!(types, 9);
    }
}
