//! Configuration → all GGUF metadata of a model: those that all families share, and the family's own.

use laser_checkpoint::Value;

use super::registry::gguf_form;
use crate::config::{ModelConfig, gguf_xielu};

impl ModelConfig {
    /// The metadata of a GGUF file of this model, without those of the tokenizer: `general.architecture`, and the family's
    /// keys. [`ModelConfig::difference`] from what such a file is read as tells whether they say everything.
    ///
    /// # Errors
    /// A sentence about what GGUF has no key for.
    pub fn gguf_metadata(&self) -> Result<Vec<(String, Value)>, String> {
        let form = gguf_form(self.family)
            .ok_or_else(|| format!("llama.cpp's format has no form of {} that this program reads", self.family.name))?;
        let mut keys = self.shared_gguf_keys()?;
        let own = (form.write_metadata)(self);
        // A family may give a key of all families another value.
        keys.retain(|(key, _)| own.iter().all(|(other, _)| other != key));
        keys.extend(own);
        let name = form.name;
        let architecture = ("general.architecture".to_owned(), Value::String(name.to_owned()));
        let full = keys.into_iter().map(|(key, value)| (format!("{name}.{key}"), value));
        Ok(std::iter::once(architecture).chain(full).chain(gguf_xielu(self)).collect())
    }
}
