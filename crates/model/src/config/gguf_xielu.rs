//! GGUF metadata → the parameters of xIELU, and back. llama.cpp stores the values of Hugging Face's tensors, in lists with
//! one entry for each layer, and without the family in front of the keys.

use laser_checkpoint::{Array, Value};

use super::gguf_keys::GgufKeys;
use super::gguf_metadata::Entry;
use super::{ModelConfig, Xielu};
use crate::error::Result;

const ALPHA_P: &str = "xielu.alpha_p";
const ALPHA_N: &str = "xielu.alpha_n";
const BETA: &str = "xielu.beta";
const EPS: &str = "xielu.eps";

/// Reads the parameters of xIELU in all layers.
///
/// # Errors
/// A missing key, a list of another length, or a value that is no finite number.
pub(crate) fn read_gguf_xielu(keys: &GgufKeys<'_>, c: &mut ModelConfig) -> Result<()> {
    let [alpha_p, alpha_n, beta, eps] = [
        keys.layer_numbers(ALPHA_P, c.n_layers)?,
        keys.layer_numbers(ALPHA_N, c.n_layers)?,
        keys.layer_numbers(BETA, c.n_layers)?,
        keys.layer_numbers(EPS, c.n_layers)?,
    ];
    let of_layer =
        |layer: usize| Xielu { alpha_p: alpha_p[layer], alpha_n: alpha_n[layer], beta: beta[layer], eps: eps[layer] };
    c.mlp.xielu = (0..c.n_layers).map(of_layer).collect();
    Ok(())
}

/// The parameters of xIELU under their full names; empty for models with another activation.
pub(crate) fn gguf_xielu(c: &ModelConfig) -> Vec<Entry> {
    if c.mlp.xielu.is_empty() {
        return Vec::new();
    }
    let list = |name: &str, value: fn(&Xielu) -> f32| {
        (name.to_owned(), Value::Array(Array::F32(c.mlp.xielu.iter().map(value).collect())))
    };
    vec![
        list(ALPHA_P, |parameters| parameters.alpha_p),
        list(ALPHA_N, |parameters| parameters.alpha_n),
        list(BETA, |parameters| parameters.beta),
        list(EPS, |parameters| parameters.eps),
    ]
}
