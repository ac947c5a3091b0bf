//! The parameters of xIELU in safetensors files, which become part of the configuration.

use laser_checkpoint::Checkpoint;

use crate::config::{ModelConfig, Xielu};
use crate::error::{Error, Result};
use crate::tensor_layout::TensorLayout;

/// Reads the parameters of xIELU in all layers, if the model has them. Tensors that are missing or have another shape are
/// left to the check of the set of tensors. `file` is named in errors.
///
/// # Errors
/// A tensor that cannot be read, or a value that is no number.
pub(super) fn read(c: &mut ModelConfig, layout: &TensorLayout, checkpoint: &Checkpoint, file: &str) -> Result<()> {
    for layer in 0..c.mlp.xielu.len() {
        let tensors = layout.xielu_tensors(c, layer);
        let mut values = Vec::with_capacity(tensors.len());
        for tensor in &tensors {
            if checkpoint.info(&tensor.name).is_none_or(|info| info.elements() != 1) {
                break;
            }
            let value = checkpoint.tensor(&tensor.name)?.to_f32()?[0];
            if !value.is_finite() {
                return Err(Error::Config {
                    file: file.to_owned(),
                    key: tensor.name.clone(),
                    expected: "a finite number".into(),
                    found: value.to_string(),
                });
            }
            values.push(value);
        }
        if let [alpha_p, alpha_n, beta, eps] = values[..] {
            c.mlp.xielu[layer] = Xielu { alpha_p, alpha_n, beta, eps };
        }
    }
    Ok(())
}
