//! Compute device: takes its name and an element type, gives the device that the arithmetic runs on.

use candle_core::{DType, Device};

use crate::error::{Error, Result};

/// A device, and the element type in which weights are stored and products computed on it.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    /// Full name: `cpu`, `cuda:0`, `metal`.
    pub name: String,
    /// The device.
    pub device: Device,
    /// f32 on the CPU; on a GPU bf16, unless another type is given.
    pub dtype: DType,
}

impl ComputeDevice {
    /// Opens the device `cpu`, `cuda`, `cuda:N` or `metal`. `dtype`: element type; `None` for the device's default.
    ///
    /// # Errors
    /// A name of another form, a back-end that this build does not contain (the error names its cargo feature), a GPU
    /// that cannot be opened, or an element type in which the device does not compute. Settings in errors: `device`,
    /// `dtype`.
    pub fn parse(text: &str, dtype: Option<DType>) -> Result<Self> {
        let wrong = |problem: String| Error::setting("device", problem);
        let missing =
            |feature: &str| wrong(format!("this build has no `{feature}` back-end: build with `--features {feature}`"));
        let (kind, index) = match text.split_once(':') {
            Some((kind, n)) => (
                kind,
                n.parse::<usize>().map_err(|_| wrong(format!("expected a number after `{kind}:`, found `{n}`")))?,
            ),
            None => (text, 0),
        };
        let device = match kind {
            "cpu" if text == "cpu" => Device::Cpu,
            "cuda" if cfg!(feature = "cuda") => Device::new_cuda(index)?,
            "cuda" => return Err(missing("cuda")),
            "metal" if cfg!(feature = "metal") => Device::new_metal(index)?,
            "metal" => return Err(missing("metal")),
            _ => return Err(wrong(format!("expected cpu, cuda, cuda:N or metal, found `{text}`"))),
        };
        let name = if kind == "cuda" { format!("cuda:{index}") } else { kind.to_owned() };
        let dtype = match (&device, dtype) {
            (Device::Cpu, None | Some(DType::F32)) => DType::F32,
            // The kernels for the CPU exist in f32 only.
            (Device::Cpu, Some(other)) => {
                let problem = format!("the CPU computes in f32, found {}", other.as_str());
                return Err(Error::setting("dtype", problem));
            }
            (_, chosen) => chosen.unwrap_or(DType::BF16),
        };
        Ok(Self { name, device, dtype })
    }

    /// Name of the element type: `f32`, `f16` or `bf16`.
    pub fn dtype_name(&self) -> &'static str {
        self.dtype.as_str()
    }
}

/// Parses an element type: `f32`, `f16` or `bf16`.
///
/// # Errors
/// Any other name. Setting in the error: `dtype`.
pub fn parse_dtype(text: &str) -> Result<DType> {
    match text {
        "f32" => Ok(DType::F32),
        "f16" => Ok(DType::F16),
        "bf16" => Ok(DType::BF16),
        other => Err(Error::setting("dtype", format!("expected f32, f16 or bf16, found `{other}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_back_end_names_its_feature() {
        assert_eq!(ComputeDevice::parse("cpu", None).expect("cpu").dtype, DType::F32);
        assert!(ComputeDevice::parse("cpu", Some(DType::F16)).is_err());
        for text in ["cuda", "cuda:1", "metal"] {
            let feature = text.split(':').next().expect("a name");
            if !cfg!(feature = "cuda") && !cfg!(feature = "metal") {
                let error = ComputeDevice::parse(text, None).expect_err(text).to_string();
                assert!(error.contains(&format!("--features {feature}")), "{error}");
            }
        }
        for text in ["gpu", "cpu:1", "cuda:x", ""] {
            assert!(ComputeDevice::parse(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn errors_name_the_setting_in_plain_words() {
        let error = ComputeDevice::parse("gpu", None).expect_err("no such device").to_string();
        assert_eq!(error, "device: expected cpu, cuda, cuda:N or metal, found `gpu`");
        let error = parse_dtype("f8").expect_err("no such type").to_string();
        assert_eq!(error, "dtype: expected f32, f16 or bf16, found `f8`");
    }
}
