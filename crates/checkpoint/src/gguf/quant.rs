//! GGUF block types to and from `f32`, through candle's implementations.
//!
//! candle's functions assert what they are given; the callers in [`crate::codec`] hand over whole blocks only, and
//! this stage sees to the memory alignment.

use std::borrow::Cow;

use candle_core::CpuStorage;
use candle_core::quantized::{GgmlDType, QStorage, QTensor, QuantizedType};

use crate::dtype::Dtype;

/// candle's name for a block type.
fn candle(dtype: Dtype) -> Option<GgmlDType> {
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

/// Writes the values of whole blocks into `out`, which has exactly as many places.
pub(crate) fn dequantise(dtype: Dtype, bytes: &[u8], out: &mut [f32]) {
    let candle = block_type(dtype);
    // Blocks hold 16-bit scales and candle reads them in place. Data in a file are aligned; a slice from elsewhere may
    // begin at an odd address and then moves by one byte.
    let mut moved: Vec<u8> = Vec::new();
    let aligned = if bytes.as_ptr().addr().is_multiple_of(2) {
        bytes
    } else {
        moved.reserve_exact(bytes.len() + 1);
        let shift = moved.as_ptr().addr() % 2;
        moved.resize(shift, 0);
        moved.extend_from_slice(bytes);
        &moved[shift..]
    };
    let blocks = candle.from_data(Cow::Borrowed(aligned));
    out.copy_from_slice(&values(blocks.as_ref(), out.len()));
}

/// Quantises whole blocks of `values`; gives their bytes and what reading them back gives.
pub(crate) fn quantise(dtype: Dtype, source: &[f32]) -> (Vec<u8>, Vec<f32>) {
    let mut blocks = block_type(dtype).cpu_zeros(source.len());
    blocks.from_float(source);
    let stored = values(blocks.as_ref(), source.len());
    let tensor = QTensor::new(QStorage::Cpu(blocks), source.len()).expect("whole blocks make a tensor");
    let bytes = tensor.data().expect("memory of the CPU can be read").into_owned();
    (bytes, stored)
}

fn block_type(dtype: Dtype) -> GgmlDType {
    candle(dtype).expect("only block types get here, because the codec matches on the type first")
}

fn values(blocks: &dyn QuantizedType, count: usize) -> Vec<f32> {
    match blocks.dequantize(count) {
        Ok(CpuStorage::F32(values)) => values,
        other => unreachable!("candle dequantises block types to f32, not {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_are_candles() {
        for dtype in Dtype::all() {
            assert_eq!(candle(dtype).is_some(), dtype.is_quantised(), "{dtype}");
            if let Some(candle) = candle(dtype) {
                assert_eq!(dtype.block_len(), candle.block_size(), "{dtype}");
                assert_eq!(dtype.block_bytes(), candle.type_size(), "{dtype}");
            }
        }
    }

    #[test]
    fn an_odd_address_gives_the_same_values() {
        let source: Vec<f32> = (0..256_u16).map(|i| f32::from(i % 37) - 18.0).collect();
        for dtype in Dtype::all().filter(|dtype| dtype.is_quantised()) {
            let (bytes, stored) = quantise(dtype, &source);
            let mut room = vec![0; bytes.len() + 2];
            let odd = 1 - room.as_ptr().addr() % 2;
            room[odd..odd + bytes.len()].copy_from_slice(&bytes);
            let mut out = vec![0.0; source.len()];
            dequantise(dtype, &room[odd..odd + bytes.len()], &mut out);
            assert_eq!(out, stored, "{dtype}");
        }
    }

    /// gguf-py's opinion on blocks of every type; the script that made it is `tools/make_gguf_goldens.py`.
    fn goldens() -> Vec<(Dtype, serde_json::Value)> {
        let text = include_str!("../../tests/data/gguf_blocks.json");
        let goldens: serde_json::Map<_, _> = serde_json::from_str(text).expect("the goldens are JSON");
        let named = goldens.into_iter().map(|(name, golden)| (name.parse().expect("a type"), golden));
        named.collect()
    }

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
        assert_eq!(compared, 5);
    }
}
