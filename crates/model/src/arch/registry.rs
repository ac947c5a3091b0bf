//! The registry of families: lists all families and decides which one a model file belongs to.

use std::path::Path;

use laser_checkpoint::{Checkpoint, Metadata};
use serde_json::{Map, Value};

use super::definition::{FamilyDefinition, GgufFormat, WriteConfigJson};
use super::family::Family;
use super::tensor_names::TensorNames;
use super::text_part::TextPart;
use super::{
    apertus, arcee, bert, bloom, cohere, decision_transformer, deepseek, ernie, exaone4, falcon, gemma, glm, glm_moe,
    glm_moe_lite, gpt_neo, gpt_neox, gpt_oss, gpt2, gptj, granite, helium, hunyuan, lfm2, llama, minimax, ministral,
    mixtral, modernbert, nemotron, olmo, olmo2, opt, phi, phi3, qwen_moe, qwen3, seed_oss, smollm3, stablelm,
    starcoder2,
};
use crate::config::{GgufKeys, HfKeys, ModelConfig, ReadKeys, head_is_tied};
use crate::error::{Error, Result};
use crate::lenient_json;

/// Every family that Laser supports.
static FAMILIES: &[&FamilyDefinition] = &[
    &llama::LLAMA,
    &llama::MISTRAL,
    &ministral::MINISTRAL,
    &ministral::MINISTRAL3,
    &llama::QWEN2,
    &qwen3::QWEN3,
    &mixtral::MIXTRAL,
    &qwen_moe::QWEN2_MOE,
    &qwen_moe::QWEN3_MOE,
    &gemma::GEMMA,
    &gemma::GEMMA2,
    &gemma::GEMMA3,
    &olmo::OLMO,
    &olmo2::OLMO2,
    &olmo::OLMO3,
    &olmo::OLMOE,
    &stablelm::STABLELM,
    &granite::GRANITE,
    &granite::GRANITE_MOE,
    &smollm3::SMOLLM3,
    &glm::GLM,
    &glm::GLM4,
    &glm_moe::GLM4_MOE,
    &glm_moe_lite::GLM4_MOE_LITE,
    &deepseek::DEEPSEEK_V2,
    &deepseek::DEEPSEEK_V3,
    &minimax::MINIMAX_M2,
    &gpt_oss::GPT_OSS,
    &exaone4::EXAONE4,
    &seed_oss::SEED_OSS,
    &ernie::ERNIE4_5,
    &ernie::ERNIE4_5_MOE,
    &hunyuan::HUNYUAN,
    &lfm2::LFM2,
    &cohere::COHERE,
    &cohere::COHERE2,
    &starcoder2::STARCODER2,
    &nemotron::NEMOTRON,
    &apertus::APERTUS,
    &arcee::ARCEE,
    &helium::HELIUM,
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
    &bert::XLM_ROBERTA,
    &bert::DISTILBERT,
    &modernbert::MODERNBERT,
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

/// The form of a family in GGUF; `None` if it has none. Families that only differ in `config.json` share one.
pub(crate) fn gguf_form(family: &Family) -> Option<GgufFormat> {
    let definition = match family.model_type {
        "glm4_moe_lite" => &deepseek::DEEPSEEK_V3,
        "mistral" => &llama::LLAMA,
        "phi-msft" => &phi::PHI,
        other => by_model_type(other)?,
    };
    definition.gguf
}

/// Names of the tensors of a model of this family in a GGUF file; `None` if the family has no GGUF form.
pub fn gguf_tensor_names(family: &Family) -> Option<&'static TensorNames> {
    Some(gguf_form(family)?.tensor_names)
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
        match lenient_json::parse(text.as_bytes()).map_err(|e| Error::parse(file, e))? {
            Value::Object(root) => Self::from_json(file, &root),
            other => Err(Error::parse(file, format!("expected an object, found {}", kind_of(&other)))),
        }
    }

    /// Like [`ModelConfig::from_hf`], from the parsed file.
    ///
    /// # Errors
    /// As [`ModelConfig::from_hf`].
    pub(crate) fn from_json(file: &str, root: &Map<String, Value>) -> Result<Self> {
        let read = ReadKeys::default();
        let outer = HfKeys::new(file, root, &read);
        let TextPart { keys, model_type, wrapper } = TextPart::of(&outer)?;
        let Some(definition) = by_model_type(&model_type) else {
            let found = match wrapper {
                Some(wrapper) => format!("{model_type}, the text part of a {wrapper} model"),
                None => model_type,
            };
            return Err(keys.wrong("model_type", model_types(), found));
        };
        let mut config = definition.config_from_hf(keys)?;
        if let Some(wrapper) = wrapper {
            // Files have the flag in either place; in the reference too, one that is true counts.
            config.head.tied |= head_is_tied(&outer, false)?;
            let family = config.family.name;
            config.notes.push(format!("{file}: a {wrapper} model: only its text part, a {family} model, is used"));
        }
        Ok(config)
    }
}

/// The kind of a JSON value, for error messages.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        _ => "a word",
    }
}

/// The family with this `model_type` in `config.json`.
fn by_model_type(model_type: &str) -> Option<&'static FamilyDefinition> {
    FAMILIES.iter().copied().find(|definition| definition.family.model_type == model_type)
}

/// True if a GGUF file is one of a certain family.
type IsOfFamily = fn(&GgufKeys<'_>) -> Result<bool>;

/// Families whose name in GGUF another family has as well, each with the function that tells its files apart.
static SHARED_NAMES: &[(&FamilyDefinition, IsOfFamily)] = &[
    (&deepseek::DEEPSEEK_V2, deepseek::is_gguf_v2),
    (&mixtral::MIXTRAL, |keys| is_positive(keys, "expert_count")),
    (&olmo::OLMO3, |keys| is_positive(keys, "attention.sliding_window")),
];

/// True if the count under a key is positive.
fn is_positive(keys: &GgufKeys<'_>, key: &str) -> Result<bool> {
    Ok(keys.count_or_none(key)?.is_some_and(|count| count > 0))
}

/// Values of `general.architecture` of the text parts of models with images, and the name of the same block.
const RENAMED: &[(&str, &str)] = &[("qwen2vl", "qwen2"), ("qwen3vl", "qwen3")];

/// The family of a GGUF file with this `general.architecture`. Mistral files are read as Llama, which the forward pass does
/// not distinguish.
///
/// # Errors
/// A key that tells families apart and is no size.
fn family_of_gguf(name: &str, keys: &GgufKeys<'_>) -> Result<Option<(&'static FamilyDefinition, GgufFormat)>> {
    let format = |definition: &'static FamilyDefinition| Some((definition, definition.gguf?));
    let name = RENAMED.iter().find(|(renamed, _)| *renamed == name).map_or(name, |(_, block)| *block);
    for &(definition, is_of_family) in SHARED_NAMES {
        let has_name = definition.gguf.is_some_and(|gguf| gguf.name == name);
        if has_name && is_of_family(keys)? {
            return Ok(format(definition));
        }
    }
    let is_other = |definition: &&FamilyDefinition| SHARED_NAMES.iter().all(|(of, _)| !std::ptr::eq(*of, *definition));
    Ok(FAMILIES.iter().copied().filter(is_other).filter_map(format).find(|(_, gguf)| gguf.name == name))
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
