//! The file `config.json` of a model folder: finds and parses it, before the weights are opened.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};

use crate::config::{ModelConfig, Quantization};
use crate::error::{Error, Result};
use crate::lenient_json;

/// A parsed `config.json`.
pub(super) struct ConfigJson {
    /// Its path, as errors name it.
    pub(super) file: String,
    root: Map<String, Value>,
}

impl ConfigJson {
    /// The file in the folder `path`; `None` if there is none, or if the path is no folder.
    ///
    /// # Errors
    /// A file that cannot be read or is no JSON object.
    pub(super) fn of(path: &Path) -> Result<Option<Self>> {
        if !path.is_dir() {
            return Ok(None);
        }
        let path = path.join("config.json");
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(Error::io(&path))?,
        };
        match lenient_json::parse(&bytes).map_err(|problem| Error::parse(&path, problem))? {
            Value::Object(root) => Ok(Some(Self { file: path.display().to_string(), root })),
            other => Err(Error::parse(&path, format!("expected an object, found {other}"))),
        }
    }

    /// The error that the file is missing.
    pub(super) fn missing(path: &Path) -> Result<Self> {
        Err(Error::io(path.join("config.json"))(ErrorKind::NotFound.into()))
    }

    /// The configuration of the model.
    ///
    /// # Errors
    /// As [`ModelConfig::from_hf`].
    pub(super) fn config(&self) -> Result<ModelConfig> {
        ModelConfig::from_json(&self.file, &self.root)
    }

    /// The quantisation that the file names.
    pub(super) fn quantization(&self) -> Option<Quantization> {
        Quantization::of(&self.file, &self.root)
    }
}
