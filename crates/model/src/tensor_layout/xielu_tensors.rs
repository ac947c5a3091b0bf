//! The tensors with the parameters of xIELU: their names and shapes, and the values that new files get.

use super::TensorLayout;
use crate::config::{ModelConfig, Xielu};

/// A tensor with one parameter of xIELU.
#[derive(Debug, Clone, PartialEq)]
pub struct XieluTensor {
    /// Full name.
    pub name: String,
    /// Shape in the file: `[1]` for what is learned, `[]` for what is constant.
    pub shape: &'static [usize],
    /// Value in the configuration.
    pub value: f32,
}

impl TensorLayout {
    /// The tensors with the parameters of xIELU in a layer, in the order of the fields of [`Xielu`]; empty for models with
    /// another activation, and in files that have no such tensors.
    pub fn xielu_tensors(&self, config: &ModelConfig, layer: usize) -> Vec<XieluTensor> {
        let (Some(module), Some(parameters)) = (self.names.xielu, config.mlp.xielu.get(layer)) else {
            return Vec::new();
        };
        let stem = self.full_name(&module.replace("{}", &layer.to_string()));
        let Xielu { alpha_p, alpha_n, beta, eps } = *parameters;
        let tensor = |name: &str, shape, value| XieluTensor { name: format!("{stem}.{name}"), shape, value };
        vec![
            tensor("alpha_p", &[1], alpha_p),
            tensor("alpha_n", &[1], alpha_n),
            tensor("beta", &[], beta),
            tensor("eps", &[], eps),
        ]
    }
}
