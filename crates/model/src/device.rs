//! Where the arithmetic runs, and in which element type.

use candle_core::{DType, Device};

use crate::error::{Error, Result};

/// A device and the element type of weights on it.
#[derive(Debug, Clone)]
pub struct Place {
    /// `cpu`, `cuda:0`, `metal`.
    pub name: String,
    /// The device.
    pub device: Device,
    /// f32 on the CPU; 16 bits on a GPU unless asked otherwise.
    pub dtype: DType,
}

impl Place {
    /// Reads `cpu`, `cuda`, `cuda:N` or `metal`.
    ///
    /// # Errors
    /// A back-end this build does not have (the error names its cargo feature), or an element type the device does
    /// not compute in.
    pub fn parse(text: &str, dtype: Option<DType>) -> Result<Self> {
        let wrong = |problem: String| Error::setting("--device", problem);
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
            (Device::Cpu, Some(other)) => {
                let problem = format!("the CPU computes in f32, found {}", other.as_str());
                return Err(Error::setting("--dtype", problem));
            }
            (_, chosen) => chosen.unwrap_or(DType::BF16),
        };
        Ok(Self { name, device, dtype })
    }

    /// Name of the element type.
    pub fn dtype_name(&self) -> &'static str {
        self.dtype.as_str()
    }
}

/// Reads `f32`, `f16` or `bf16`.
pub fn parse_dtype(text: &str) -> Result<DType> {
    match text {
        "f32" => Ok(DType::F32),
        "f16" => Ok(DType::F16),
        "bf16" => Ok(DType::BF16),
        other => Err(Error::setting("--dtype", format!("expected f32, f16 or bf16, found `{other}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_back_end_names_its_feature() {
        assert_eq!(Place::parse("cpu", None).expect("cpu").dtype, DType::F32);
        assert!(Place::parse("cpu", Some(DType::F16)).is_err());
        for text in ["cuda", "cuda:1", "metal"] {
            let feature = text.split(':').next().expect("a name");
            if !cfg!(feature = "cuda") && !cfg!(feature = "metal") {
                let error = Place::parse(text, None).expect_err(text).to_string();
                assert!(error.contains(&format!("--features {feature}")), "{error}");
            }
        }
        for text in ["gpu", "cpu:1", "cuda:x", ""] {
            assert!(Place::parse(text, None).is_err(), "{text}");
        }
    }
}
