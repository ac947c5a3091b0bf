//! The full name of a model: a source and the adapters to merge into it, `SOURCE+adapter:DIR+adapter:DIR`.

use std::fmt;
use std::path::PathBuf;

use super::error::SourceError;
use super::model_source::ModelSource;

/// Text between the source and each adapter.
const MARK: &str = "+adapter:";

/// A model and the adapters that are merged into it, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName {
    /// The base model.
    pub source: ModelSource,
    /// Folders of the adapters.
    pub adapters: Vec<PathBuf>,
}

impl ModelName {
    /// Reads the name of a model; touches neither disk nor network.
    ///
    /// # Errors
    /// An adapter without a folder, and the errors of [`ModelSource::parse`].
    ///
    /// ```
    /// use laser_source::ModelName;
    /// let name = ModelName::parse("hf:HuggingFaceTB/SmolLM2-135M+adapter:lora")?;
    /// assert_eq!(name.adapters, [std::path::Path::new("lora")]);
    /// assert_eq!(name.to_string(), "hf:HuggingFaceTB/SmolLM2-135M+adapter:lora");
    /// # Ok::<(), laser_source::SourceError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let mut parts = text.split(MARK);
        let source = ModelSource::parse(parts.next().unwrap_or(""))?;
        let adapters: Vec<PathBuf> = parts.map(PathBuf::from).collect();
        if adapters.iter().any(|folder| folder.as_os_str().is_empty()) {
            return Err(SourceError::Malformed {
                text: text.to_owned(),
                expected: "a folder after each +adapter:, as in MODEL+adapter:DIR",
            });
        }
        Ok(Self { source, adapters })
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        self.adapters.iter().try_for_each(|folder| write!(f, "{MARK}{}", folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_follow_the_source_in_their_order() {
        for text in ["m", "m.gguf+adapter:a", "hf:o/n@main+adapter:a/b+adapter:../c", "pypi:p==1+adapter:/x y"] {
            assert_eq!(ModelName::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(ModelName::parse("m+adapter:a+adapter:b").unwrap().adapters.len(), 2);
        assert!(ModelName::parse("a+b").unwrap().adapters.is_empty());
        for text in ["", "+adapter:a", "m+adapter:", "m+adapter:+adapter:a", "hf:+adapter:a"] {
            assert!(ModelName::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
