//! Weights that another tool has quantised: recognises them by `quantization_config` and by the names of their tensors.
//!
//! Such weights are not read, but for MXFP4 where the family has names for it. A file may also have the key left over from a
//! model that was converted back; then its weights are ordinary numbers, and the key is no obstacle.

use std::collections::BTreeSet;

use laser_checkpoint::{Checkpoint, Dtype, TensorInfo};
use serde_json::{Map, Value};

use crate::error::Error;

/// Ends of names of tensors that hold quantised values or what belongs to them, with the tools that write them.
const TENSORS: &[(&str, &str)] = &[
    (".qweight", "GPTQ or AWQ"),
    (".qzeros", "GPTQ or AWQ"),
    (".weight_scale", "FP8 or compressed-tensors"),
    (".weight_scale_inv", "FP8"),
    (".weight_packed", "compressed-tensors"),
    (".weight.absmax", "bitsandbytes"),
    (".weight.quant_map", "bitsandbytes"),
    (".SCB", "bitsandbytes"),
    ("_proj_blocks", "MXFP4"),
];

/// Element types of quantised weights.
const SMALL_TYPES: &[Dtype] = &[
    Dtype::U8,
    Dtype::I8,
    Dtype::I32,
    Dtype::F4,
    Dtype::F6E2M3,
    Dtype::F6E3M2,
    Dtype::F8E5M2,
    Dtype::F8E4M3,
    Dtype::F8E8M0,
    Dtype::F8E4M3Fnuz,
    Dtype::F8E5M2Fnuz,
];

/// Names of methods as users know them, by `quant_method`.
const METHODS: &[(&str, &str)] = &[
    ("gptq", "GPTQ"),
    ("awq", "AWQ"),
    ("fp8", "FP8"),
    ("fbgemm_fp8", "FP8"),
    ("bitsandbytes", "bitsandbytes"),
    ("mxfp4", "MXFP4"),
    ("aqlm", "AQLM"),
    ("hqq", "HQQ"),
];

/// The quantisation that `config.json` names.
#[derive(Debug)]
pub(crate) struct Quantization {
    file: String,
    key: &'static str,
    /// Method and number of bits.
    method: String,
}

impl Quantization {
    /// Reads `quantization_config`, or `compression_config`, its older name in compressed-tensors; `None` without one.
    pub(crate) fn of(file: &str, root: &Map<String, Value>) -> Option<Self> {
        let places = [root].into_iter().chain(root.get("text_config").and_then(Value::as_object));
        let find = |map: &'_ Map<String, Value>| {
            ["quantization_config", "compression_config"]
                .into_iter()
                .find_map(|key| Some((key, map.get(key)?.as_object()?.clone())))
        };
        let (key, config) = places.filter_map(find).next()?;
        Some(Self { file: file.to_owned(), key, method: describe(&config) })
    }

    /// The error that the weights are quantised.
    pub(crate) fn refused(&self) -> Error {
        refused(&self.file, self.key, &self.method)
    }

    /// The remark that the weights are ordinary numbers although the key says otherwise.
    pub(crate) fn not_applied(&self) -> String {
        let Self { file, key, method } = self;
        format!("{file}: `{key}` ({method}) is not applied: the stored weights are not quantised")
    }
}

/// The error about quantised weights, if any tensor of the files holds them. `named` is what `config.json` says, which
/// is more precise than the names of tensors. `reads_mxfp4`: whether the family reads tensors of MXFP4 in two parts.
pub(crate) fn find_quantised(
    named: Option<&Quantization>,
    checkpoint: &Checkpoint,
    reads_mxfp4: bool,
) -> Option<Error> {
    let readable: BTreeSet<&str> = match reads_mxfp4 {
        true => checkpoint.two_part_tensors().flat_map(|(_, parts)| parts).collect(),
        false => BTreeSet::new(),
    };
    let by_name = |tensor: &TensorInfo| TENSORS.iter().find(|(end, _)| tensor.name.ends_with(end)).map(|found| found.1);
    let by_type = |tensor: &TensorInfo| tensor.name.ends_with(".weight") && SMALL_TYPES.contains(&tensor.dtype);
    let mut tensors = checkpoint.tensors().filter(|tensor| !readable.contains(tensor.name.as_str()));
    let (tensor, tool) = tensors.find_map(|tensor| match by_name(tensor) {
        Some(tool) => Some((tensor, tool.to_owned())),
        None => by_type(tensor).then(|| (tensor, format!("values of type {}", tensor.dtype))),
    })?;
    Some(match named {
        Some(quantization) => quantization.refused(),
        None => refused(&tensor.file.display().to_string(), &tensor.name, &tool),
    })
}

fn refused(file: &str, key: &str, method: &str) -> Error {
    Error::Config {
        file: file.to_owned(),
        key: key.to_owned(),
        expected: "weights in F32, F16 or BF16 (the model it was made from, or a GGUF file of it)".into(),
        found: format!("weights quantised by {method}"),
    }
}

/// Method and number of bits, as far as the object says them.
fn describe(config: &Map<String, Value>) -> String {
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let is_set = |key: &str| config.get(key).and_then(Value::as_bool).unwrap_or(false);
    let bits = match config.get("bits").and_then(Value::as_u64) {
        Some(bits) => Some(bits),
        None if is_set("load_in_4bit") || is_set("_load_in_4bit") => Some(4),
        None if is_set("load_in_8bit") || is_set("_load_in_8bit") => Some(8),
        None => None,
    };
    let method = text("quant_method").unwrap_or(match config.keys().any(|key| key.contains("load_in_")) {
        true => "bitsandbytes",
        false => "an unnamed method",
    });
    let method = METHODS.iter().find(|(name, _)| *name == method).map_or(method, |(_, name)| name);
    match bits {
        Some(bits) => format!("{method}, {bits} bits"),
        None => method.to_owned(),
    }
}
