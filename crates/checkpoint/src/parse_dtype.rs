//! Element types from text: takes a name as a user writes it, gives the [`Dtype`]. Separate from `dtype.rs`, because
//! the error type, which a failure needs, builds on that file.

use std::str::FromStr;

use crate::dtype::Dtype;
use crate::error::CheckpointError;

impl FromStr for Dtype {
    type Err = CheckpointError;

    /// Finds the element type with this name, in upper or lower case, for example `bf16` or `Q4_K`.
    ///
    /// # Errors
    /// [`CheckpointError::UnknownDtypeName`], which lists the types that weights can have.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Dtype::all().find(|dtype| dtype.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            let weight_types = Dtype::all().filter(|dtype| dtype.is_weight()).map(Dtype::name).collect();
            CheckpointError::UnknownDtypeName { name: name.to_string(), weight_types }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_name_in_either_case() {
        for dtype in Dtype::all() {
            assert_eq!(dtype.name().parse::<Dtype>().expect("a known name"), dtype);
            assert_eq!(dtype.name().to_lowercase().parse::<Dtype>().expect("a known name"), dtype);
        }
        let error = "q9_9".parse::<Dtype>().expect_err("no such type").to_string();
        assert!(error.starts_with("unknown element type `q9_9`, expected one of F32, F16, BF16, Q4_0"), "{error}");
        assert!(error.contains("Q4_K") && !error.contains("I64"), "{error}");
    }
}
