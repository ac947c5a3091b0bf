//! Conversion of block types to `f32` and back, by candle's functions for the types that candle has.
//!
//! candle's functions panic on partial blocks and on unaligned memory. The codec passes whole blocks only, and this
//! file takes care of the alignment.

use std::borrow::Cow;

use candle_core::CpuStorage;
use candle_core::quantized::{GgmlDType, QStorage, QTensor, QuantizedType};

use super::mxfp4;
use crate::dtype::Dtype;

/// Finds candle's type for a block type; `None` for other types.
fn candle_type(dtype: Dtype) -> Option<GgmlDType> {
    Some(match dtype {
        Dtype::Q4_0 => GgmlDType::Q4_0,
        Dtype::Q4_1 => GgmlDType::Q4_1,
        Dtype::Q5_0 => GgmlDType::Q5_0,
        Dtype::Q5_1 => GgmlDType::Q5_1,
        Dtype::Q8_0 => GgmlDType::Q8_0,
        Dtype::Q2K => GgmlDType::Q2K,
        Dtype::Q3K => GgmlDType::Q3K,
        Dtype::Q4K => GgmlDType::Q4K,
        Dtype::Q5K => GgmlDType::Q5K,
        Dtype::Q6K => GgmlDType::Q6K,
        _ => return None,
    })
}

/// Converts whole blocks to values and fills `out`, which is as long as the values.
pub(super) fn dequantise(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    if dtype == Dtype::MXFP4 {
        return mxfp4::dequantise(bytes, out);
    }
    let candle_type = block_type(dtype);
    // Blocks contain 16-bit scales, which candle reads in place. Data in a file are aligned, but a slice from elsewhere
    // may begin at an odd address; it is copied to an even one.
    let mut copy: Vec<u8> = Vec::new();
    let aligned = if bytes.as_ptr().addr().is_multiple_of(2) {
        bytes
    } else {
        copy.reserve_exact(bytes.len() + 1);
        let shift = copy.as_ptr().addr() % 2;
        copy.resize(shift, 0);
        copy.extend_from_slice(bytes);
        &copy[shift..]
    };
    let blocks = candle_type.from_data(Cow::Borrowed(aligned));
    out.copy_from_slice(&dequantised(blocks.as_ref(), out.len()));
}

/// Converts the values of whole blocks to bytes; returns the bytes and the values that reading them gives.
pub(super) fn quantise(dtype: Dtype, values: &[f32]) -> (Vec<u8>, Vec<f32>) {
    if dtype == Dtype::MXFP4 {
        return mxfp4::quantise(values);
    }
    let mut blocks = block_type(dtype).cpu_zeros(values.len());
    blocks.from_float(values);
    let stored = dequantised(blocks.as_ref(), values.len());
    let tensor = QTensor::new(QStorage::Cpu(blocks), values.len()).expect("whole blocks make a tensor");
    let bytes = tensor.data().expect("memory of the CPU can be read").into_owned();
    (bytes, stored)
}

/// Finds candle's type for a block type.
fn block_type(dtype: Dtype) -> GgmlDType {
    candle_type(dtype).expect("only block types get here, because the codec matches on the type first")
}

/// Converts candle's blocks to `count` values.
fn dequantised(blocks: &dyn QuantizedType, count: usize) -> Vec<f32> {
    match blocks.dequantize(count) {
        Ok(CpuStorage::F32(values)) => values,
        other => unreachable!("candle dequantises block types to f32, not {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_agree_with_candle() {
        for dtype in Dtype::all() {
            let has_candle_type = dtype.is_quantised() && dtype != Dtype::MXFP4;
            assert_eq!(candle_type(dtype).is_some(), has_candle_type, "{dtype}");
            if let Some(block) = candle_type(dtype) {
                assert_eq!(dtype.block_len(), block.block_size(), "{dtype}");
                assert_eq!(dtype.block_bytes(), block.type_size(), "{dtype}");
            }
        }
    }

    #[test]
    fn an_odd_address_gives_the_same_values() {
        let source: Vec<f32> = (0..256_u16).map(|i| f32::from(i % 37) - 18.0).collect();
        for dtype in Dtype::all().filter(|dtype| dtype.is_quantised()) {
            let (bytes, stored) = quantise(dtype, &source);
            let mut shifted = vec![0; bytes.len() + 2];
            let odd = 1 - shifted.as_ptr().addr() % 2;
            shifted[odd..odd + bytes.len()].copy_from_slice(&bytes);
            let mut out = vec![0.0; source.len()];
            dequantise(dtype, &shifted[odd..odd + bytes.len()], &mut out);
            assert_eq!(out, stored, "{dtype}");
        }
    }

    /// Reads the blocks and values that gguf-py gives for every block type; `tools/make_gguf_goldens.py` made the file.
    fn goldens() -> Vec<(Dtype, serde_json::Value)> {
        let text = include_str!("../../tests/data/gguf_blocks.json");
        let goldens: serde_json::Map<_, _> = serde_json::from_str(text).expect("the goldens are JSON");
        let named = goldens.into_iter().map(|(name, golden)| (name.parse().expect("a type"), golden));
        named.collect()
    }

    /// Decodes the hexadecimal bytes under `part`; `None` if the golden does not have them.
    fn bytes(golden: &serde_json::Value, part: &str) -> Option<Vec<u8>> {
        let hex = golden.get(part)?.as_str().expect("hexadecimal text");
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
        Some((0..hex.len()).step_by(2).map(byte).collect())
    }

    fn floats(bytes: &[u8]) -> Vec<f32> {
        bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    #[test]
    fn dequantising_gives_the_bits_of_gguf_py() {
        let goldens = goldens();
        assert_eq!(goldens.len(), Dtype::all().filter(|dtype| dtype.is_quantised()).count());
        for (dtype, golden) in goldens {
            let expected = floats(&bytes(&golden, "values").expect("all types have values"));
            let mut found = vec![0.0; expected.len()];
            dequantise(dtype, &bytes(&golden, "blocks").expect("all types have blocks"), &mut found);
            for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!(found.to_bits(), expected.to_bits(), "{dtype} {index}: {found} {expected}");
            }
        }
    }

    #[test]
    fn quantising_gives_the_bytes_of_gguf_py() {
        let mut compared = 0;
        for (dtype, golden) in goldens() {
            if let (Some(source), Some(expected)) = (bytes(&golden, "source"), bytes(&golden, "quantised")) {
                let (found, _) = quantise(dtype, &floats(&source));
                assert_eq!(found, expected, "{dtype}");
                compared += 1;
            }
        }
        assert_eq!(compared, 6);
    }
}
