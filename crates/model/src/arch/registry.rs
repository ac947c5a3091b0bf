//! The registry of families: lists all families and decides which one a model file belongs to.

use std::path::Path;

use laser_checkpoint::{Checkpoint, Metadata};
use serde_json::{Map, Value};

use super::definition::{FamilyDefinition, GgufFormat, WriteConfigJson};
use super::family::Family;
use super::tensor_names::TensorNames;
use super::{
    bert, bloom, decision_transformer, falcon, gemma, gpt_neo, gpt_neox, gpt2, gptj, granite, llama, mixtral, olmo2,
    opt, phi, phi3, qwen_moe, qwen3, smollm3, stablelm,
};
use crate::config::{GgufKeys, HfKeys, ModelConfig};
use crate::error::{Error, Result};

/// Every family that Laser supports.
static FAMILIES: &[&FamilyDefinition] = &[
    &llama::LLAMA,
    &llama::MISTRAL,
    &llama::QWEN2,
    &qwen3::QWEN3,
    &mixtral::MIXTRAL,
    &qwen_moe::QWEN2_MOE,
    &qwen_moe::QWEN3_MOE,
    &gemma::GEMMA,
    &gemma::GEMMA2,
    &gemma::GEMMA3,
    &olmo2::OLMO2,
    &stablelm::STABLELM,
    &granite::GRANITE,
    &smollm3::SMOLLM3,
    &phi3::PHI3,
    &gpt2::GPT2,
    &gptj::GPTJ,
    &gpt_neo::GPT_NEO,
    &gpt_neox::GPT_NEOX,
    &phi::PHI,
    &phi::PHI_MSFT,
    &opt::OPT,
    &bloom::BLOOM,
    &falcon::FALCON,
    &bert::BERT,
    &bert::ROBERTA,
    &bert::DISTILBERT,
    &decision_transformer::DECISION_TRANSFORMER,
];

/// Every family that Laser supports.
pub fn families() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().map(|definition| &definition.family)
}

/// The function that writes a family's keys of `config.json` for a model read from GGUF; `None` if such a model can
/// only be written as a GGUF file.
pub fn config_json_writer(family: &Family) -> Option<WriteConfigJson> {
    by_model_type(family.model_type)?.write_config_json
}

/// The configuration of a GGUF file with the tensor names that its family uses in GGUF.
pub(crate) struct GgufModel {
    pub(crate) config: ModelConfig,
    pub(crate) tensor_names: &'static TensorNames,
}

impl GgufModel {
    /// Reads the metadata of a GGUF file, and looks at the tensors of `checkpoint`, because GGUF has no keys for
    /// biases, tied heads and some rotary scalings. `file` is named in errors.
    ///
    /// # Errors
    /// An unknown family, a missing key, a key of another type, or a value that is not implemented.
    pub(crate) fn read(file: &str, metadata: &Metadata, checkpoint: &Checkpoint) -> Result<Self> {
        let name = metadata.str("general.architecture").map_err(|problem| problem.in_file(Path::new(file)))?;
        let name = name.unwrap_or("nothing");
        let keys = GgufKeys::new(file, metadata, name, checkpoint);
        let unknown = || Error::Config {
            file: file.into(),
            key: "general.architecture".into(),
            expected: gguf_names(),
            found: name.to_owned(),
        };
        let (definition, gguf) = family_of_gguf(name, &keys)?.ok_or_else(unknown)?;
        let config = definition.config_from_gguf(&gguf, &keys)?;
        Ok(Self { config, tensor_names: gguf.tensor_names })
    }
}

impl ModelConfig {
    /// Reads a `config.json` from its text. `file` is named in errors.
    ///
    /// # Errors
    /// An unknown family, a missing key, a key of another type, or a value that is not implemented.
    pub fn from_hf(file: &str, text: &str) -> Result<Self> {
        let root: Map<String, Value> = serde_json::from_str(text).map_err(|e| Error::parse(file, e))?;
        let outer = HfKeys::new(file, &root);
        // Models that also read images keep the keys of their text model in an object of their own.
        let keys = outer.object_or_none("text_config")?.unwrap_or_else(|| outer.clone());
        let model_type = keys.string("model_type")?;
        let definition =
            by_model_type(&model_type).ok_or_else(|| keys.wrong("model_type", model_types(), &model_type))?;
        definition.config_from_hf(keys)
    }
}

/// The family with this `model_type` in `config.json`.
fn by_model_type(model_type: &str) -> Option<&'static FamilyDefinition> {
    FAMILIES.iter().copied().find(|definition| definition.family.model_type == model_type)
}

/// The family of a GGUF file with this `general.architecture`. Families share the name `llama`: a file of that name
/// with experts is a Mixtral. Mistral files are read as Llama, which the forward pass does not distinguish.
///
/// # Errors
/// A number of experts that is no size.
fn family_of_gguf(name: &str, keys: &GgufKeys<'_>) -> Result<Option<(&'static FamilyDefinition, GgufFormat)>> {
    let format = |definition: &'static FamilyDefinition| Some((definition, definition.gguf?));
    if name == "llama" && keys.count_or_none("expert_count")?.is_some_and(|experts| experts > 0) {
        return Ok(format(&mixtral::MIXTRAL));
    }
    // Llama comes before Mixtral in the list.
    Ok(FAMILIES.iter().copied().filter_map(format).find(|(_, gguf)| gguf.name == name))
}

/// Supported values of `model_type`, for error messages.
fn model_types() -> String {
    one_of(families().map(|family| family.model_type).collect())
}

/// Supported values of `general.architecture`, for error messages.
fn gguf_names() -> String {
    one_of(FAMILIES.iter().filter_map(|definition| Some(definition.gguf?.name)).collect())
}

fn one_of(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup(); // Llama and Mixtral share a name in GGUF
    format!("one of {} (docs/adding-an-architecture.md tells how to add one)", names.join(", "))
}

#[cfg(test)]
mod tests;
