//! The definition of a family: its data, and the functions that fill in a configuration from a file of the family.
//!
//! Every file of a family beside this one is one or more [`FamilyDefinition`]s; `registry.rs` lists them.

use serde_json::Value;

use super::family::Family;
use super::tensor_names::TensorNames;
use crate::config::{GgufKeys, HfKeys, ModelConfig, Sizes, check_unread_layer_types, unread_keys_note};
use crate::error::Result;

/// Writes the keys of `config.json` that the family adds to Llama's or gives another value, for a model that was read
/// from GGUF. Keys of Llama with the value null are left out. The error describes the values that the family's Hugging Face class supports, if it has no key for some
/// value of the configuration.
pub type WriteConfigJson = fn(&ModelConfig) -> std::result::Result<Value, String>;

/// A family with the functions that read its configurations.
#[derive(Clone, Copy)]
pub(crate) struct FamilyDefinition {
    /// Names and other plain data of the family.
    pub(crate) family: Family,
    /// Sizes that real `config.json` files leave out, with the values that Hugging Face's class gives them.
    pub(crate) default_sizes: &'static [(&'static str, usize)],
    /// Width of the MLP divided by `d_model`, for `config.json` files without a width of the MLP.
    pub(crate) mlp_ratio: Option<usize>,
    /// Whether every attention head has keys and values of its own and the width `d_model / heads`. The class of such a
    /// family reads no keys for anything else.
    pub(crate) equal_heads: bool,
    /// Sets what holds for every model of the family. Before, the configuration is Llama's.
    pub(crate) set_block: fn(&mut ModelConfig),
    /// Reads the keys of `config.json` besides the sizes.
    pub(crate) read_config_json: fn(&HfKeys<'_>, &mut ModelConfig) -> Result<()>,
    /// The family in GGUF files; `None` if it has no GGUF form.
    pub(crate) gguf: Option<GgufFormat>,
    /// Writes the family's keys of `config.json`; `None` if a GGUF model of the family can only be written as GGUF.
    pub(crate) write_config_json: Option<WriteConfigJson>,
}

/// A family in GGUF files.
#[derive(Clone, Copy)]
pub(crate) struct GgufFormat {
    /// `general.architecture`.
    pub(crate) name: &'static str,
    /// Reads the metadata that only this family has.
    pub(crate) read_metadata: fn(&GgufKeys<'_>, &mut ModelConfig) -> Result<()>,
    /// Writes the metadata that only this family has, without the family's name in the keys.
    pub(crate) write_metadata: fn(&ModelConfig) -> Vec<(String, laser_checkpoint::Value)>,
    /// Names of the tensors.
    pub(crate) tensor_names: &'static TensorNames,
}

/// Reads the tokens that end a text. An id outside the vocabulary, such as GPT-2's 50256 in a smaller model, is left out
/// with a remark: no text contains it.
///
/// # Errors
/// A value that is no whole number.
fn read_end_tokens(keys: &HfKeys<'_>, c: &mut ModelConfig) -> Result<Vec<u32>> {
    const KEY: &str = "eos_token_id";
    let mut inside = Vec::new();
    for id in keys.integers_or_none(KEY)? {
        match u32::try_from(id).ok().filter(|id| (*id as usize) < c.vocab_size) {
            Some(id) => inside.push(id),
            // A model that reads no tokens has no vocabulary.
            None if c.vocab_size > 0 => c.notes.push(format!(
                "{}: `{}` {id} is not used: it is outside the vocabulary of {} tokens",
                keys.file(),
                keys.path(KEY),
                c.vocab_size
            )),
            None => (),
        }
    }
    Ok(inside)
}

impl FamilyDefinition {
    /// Reads the configuration of a model of this family from `config.json`.
    ///
    /// # Errors
    /// A missing key, a key of another type, or a value that is not implemented.
    pub(crate) fn config_from_hf(&'static self, keys: HfKeys<'_>) -> Result<ModelConfig> {
        let keys = keys.with_defaults(self.default_sizes);
        let mut config =
            ModelConfig::like_llama(&self.family, Sizes::from_hf(&keys, self.mlp_ratio, self.equal_heads)?);
        (self.set_block)(&mut config);
        (self.read_config_json)(&keys, &mut config)?;
        config.further_layers = keys.size_or("num_nextn_predict_layers", 0)?;
        config.eos = read_end_tokens(&keys, &mut config)?;
        check_unread_layer_types(&keys)?;
        config.notes.extend(unread_keys_note(&keys, &config));
        config.checked(keys.file())
    }

    /// Reads the configuration of a model of this family from GGUF metadata.
    ///
    /// # Errors
    /// A missing key, a key of another type, or a value that is not implemented.
    pub(crate) fn config_from_gguf(&'static self, gguf: &GgufFormat, keys: &GgufKeys<'_>) -> Result<ModelConfig> {
        let mut config = ModelConfig::like_llama(&self.family, Sizes::from_gguf(keys, gguf.tensor_names)?);
        (self.set_block)(&mut config);
        config.read_gguf_metadata(keys, gguf.tensor_names)?;
        (gguf.read_metadata)(keys, &mut config)?;
        config.further_layers = keys.count_or_none("nextn_predict_layers")?.unwrap_or(0);
        // `eos` stays empty: in GGUF, the tokens that end a text belong to the tokenizer's metadata.
        config.checked(keys.file())
    }
}
