//! Tensors whose values are stored in two: numbers of four bits in one, and the exponents of their blocks in another, as
//! gpt-oss's safetensors files have them (`…_blocks` and `…_scales`).

use std::collections::BTreeMap;

use crate::dtype::Dtype;
use crate::tensor::TensorInfo;

/// Ending of the name of the tensor with the numbers.
const BLOCKS: &str = "_blocks";
/// Ending of the name of the tensor with the exponents.
const SCALES: &str = "_scales";
/// Number of bytes of a block without its exponent.
const BYTES: usize = 16;

/// A tensor of type MXFP4 that is stored as two.
#[derive(Debug)]
pub(crate) struct TwoPartTensor {
    /// Its description, under the name `…_blocks+_scales`; file and range are those of the numbers.
    pub(crate) info: TensorInfo,
    /// Name of the tensor with the numbers.
    pub(crate) blocks: String,
    /// Description of the tensor with the exponents.
    pub(crate) scales: TensorInfo,
}

/// The pairs among stored tensors that are one tensor each, by its name. Pairs of other types or shapes are left alone.
pub(crate) fn find(stored: &BTreeMap<String, TensorInfo>) -> BTreeMap<String, TwoPartTensor> {
    let pair = |blocks: &TensorInfo| {
        let stem = blocks.name.strip_suffix(BLOCKS)?;
        let scales = stored.get(&format!("{stem}{SCALES}"))?;
        let (bytes, of_blocks) = blocks.shape.split_last()?;
        let fits = [blocks, scales].iter().all(|part| part.dtype == Dtype::U8) && *bytes == BYTES;
        if !fits || scales.shape != of_blocks {
            return None;
        }
        let (count, rows) = of_blocks.split_last()?;
        let width = count.checked_mul(Dtype::MXFP4.block_len())?;
        let name = format!("{}+{SCALES}", blocks.name);
        let shape = rows.iter().copied().chain([width]).collect();
        let info = TensorInfo { name: name.clone(), dtype: Dtype::MXFP4, shape, ..blocks.clone() };
        Some((name, TwoPartTensor { info, blocks: blocks.name.clone(), scales: scales.clone() }))
    };
    stored.values().filter_map(pair).collect()
}
