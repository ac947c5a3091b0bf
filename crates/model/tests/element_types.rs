//! Weights are kept in the element type of their file, in memory or in the file itself, and the model computes the bits of
//! the same values in f32.

use candle_core::{DType, Device};
use half::{bf16, f16};
use safetensors::tensor::Dtype;

use crate::altered::{Altered, Stored, all, logits, logits_within};

/// The copy with every f32 tensor rounded to a type, stored in that type and stored in f32.
fn rounded(name: &str, dtype: Dtype) -> [Altered; 2] {
    let (mut narrow, mut wide) = (Altered::of(name), Altered::of(name));
    for (name, tensor) in Altered::of(name).tensors.into_iter().filter(|(_, tensor)| tensor.dtype == Dtype::F32) {
        let values = tensor.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let (mut half, mut single) = (Vec::new(), Vec::new());
        for value in values {
            let (bytes, rounded) = match dtype {
                Dtype::BF16 => (bf16::from_f32(value).to_le_bytes(), bf16::from_f32(value).to_f32()),
                _ => (f16::from_f32(value).to_le_bytes(), f16::from_f32(value).to_f32()),
            };
            half.extend(bytes);
            single.extend(rounded.to_le_bytes());
        }
        narrow.tensors.insert(name.clone(), Stored { dtype, shape: tensor.shape.clone(), bytes: half });
        wide.tensors.insert(name, Stored { bytes: single, ..tensor });
    }
    [narrow, wide]
}

#[test]
fn sixteen_bits_take_half_the_memory_and_give_the_same_bits() {
    let mut compared = 0;
    let is_f32 = |name: &String| Altered::of(name).tensors.values().all(|tensor| tensor.dtype == Dtype::F32);
    for name in all().into_iter().filter(is_f32) {
        for dtype in [Dtype::BF16, Dtype::F16] {
            let [narrow, wide] =
                rounded(&name, dtype).map(|copy| copy.open().unwrap_or_else(|e| panic!("{name}: {e}")));
            if narrow.config().check_reads_texts().is_err() {
                continue;
            }
            let bytes = |files: &laser_model::ModelFiles| {
                files.load(&Device::Cpu, DType::F32, 1).expect("weights").matrix_bytes()
            };
            assert_eq!(2 * bytes(&narrow), bytes(&wide), "{name} in {dtype:?}");
            let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<u32>>();
            let expected = bits(logits(&wide));
            assert_eq!(bits(logits(&narrow)), expected, "{name} in {dtype:?}");
            for bound in [0, narrow.residence(None).memory_bytes() / 2] {
                let found = bits(logits_within(&narrow, Some(bound)));
                assert_eq!(found, expected, "{name} in {dtype:?} with {bound} bytes of matrices in memory");
            }
            compared += 1;
        }
    }
    assert!(compared > 60, "only {compared} copies compared");
}

#[test]
fn matrices_that_do_not_fit_stay_in_the_file_and_the_last_layers_in_memory() {
    let files = Altered::of("tiny/llama-gqa-untied").open().expect("opens");
    let load = |bound| files.load_within(&Device::Cpu, DType::F32, 1, bound).expect("loads");
    let whole = load(None).matrix_bytes();
    assert_eq!(files.residence(None).memory_bytes(), whole);
    assert_eq!((load(Some(whole)).matrix_bytes(), load(Some(0)).matrix_bytes()), (whole, 0));
    let part = load(Some(whole - 1));
    let in_file = |layer: usize| part.weights().layers[layer].linears.values().all(|l| l.weight.reader().is_some());
    let last = part.config().n_layers - 1;
    let embedding = part.weights().embedding.tokens.as_ref().expect("tokens");
    assert!(embedding.reader().is_some() && !in_file(last), "the embedding is the first to stay in the file");
    let half = load(Some(whole / 2));
    assert!(half.weights().layers[0].linears.values().all(|l| l.weight.reader().is_some()), "then the lower layers");
}
