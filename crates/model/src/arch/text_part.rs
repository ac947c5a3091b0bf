//! The text part of a model that also reads images or sound: takes the keys of `config.json`, gives those of the text
//! model and its family.
//!
//! Such a model keeps the keys of its text model in an object of their own, or, in older files, beside its own keys under
//! a `model_type` of its own.

use crate::config::HfKeys;
use crate::error::Result;

/// Keys that hold the configuration of a text model, in the order in which they are looked up.
const OBJECTS: &[&str] = &["text_config", "llm_config", "language_config", "llm_backbone_config"];

/// Values of `model_type` of models with images whose own keys are those of their text model, and the family of that.
const FLAT: &[(&str, &str)] = &[
    ("llava", "llama"),
    ("llava_llama", "llama"),
    ("llava_mistral", "mistral"),
    ("llava_qwen", "qwen2"),
    ("bunny-phi", "phi"),
    ("qwen2_vl", "qwen2"),
    ("qwen2_5_vl", "qwen2"),
];

/// Values of `model_type` of text models within another one, and their families: the same block under another name.
const RENAMED: &[(&str, &str)] =
    &[("qwen2_vl_text", "qwen2"), ("qwen2_5_vl_text", "qwen2"), ("qwen3_vl_text", "qwen3"), ("llava_llama", "llama")];

/// Values of `model_type` of models that are one of another family under another name.
const SAME: &[(&str, &str)] = &[("kimi_k2", "deepseek_v3")];

/// Sizes that the text model of a LLaVA leaves out, which are the defaults of the class of its family.
const CLASS_SIZES: &[(&str, &[(&str, usize)])] = &[
    (
        "llama",
        &[
            ("vocab_size", 32_000),
            ("hidden_size", 4096),
            ("intermediate_size", 11_008),
            ("num_hidden_layers", 32),
            ("num_attention_heads", 32),
        ],
    ),
    (
        "mistral",
        &[
            ("vocab_size", 32_000),
            ("hidden_size", 4096),
            ("intermediate_size", 14_336),
            ("num_hidden_layers", 32),
            ("num_attention_heads", 32),
            ("num_key_value_heads", 8),
        ],
    ),
    (
        "qwen2",
        &[
            ("vocab_size", 151_936),
            ("hidden_size", 4096),
            ("intermediate_size", 22_016),
            ("num_hidden_layers", 32),
            ("num_attention_heads", 32),
        ],
    ),
];

/// The text model that a configuration describes.
pub(super) struct TextPart<'a> {
    /// Its keys.
    pub(super) keys: HfKeys<'a>,
    /// `model_type` of its family.
    pub(super) model_type: String,
    /// `model_type` of the model around it; `None` if there is none.
    pub(super) wrapper: Option<String>,
}

impl<'a> TextPart<'a> {
    /// The text model in `outer`, all keys of a `config.json`: the whole of it, unless it is a part.
    ///
    /// # Errors
    /// A `model_type` that is missing or no text.
    pub(super) fn of(outer: &HfKeys<'a>) -> Result<Self> {
        for name in OBJECTS {
            let Some(keys) = outer.object_or_none(name)? else { continue };
            let model_type = family_of(RENAMED, keys.string("model_type")?);
            let sizes = CLASS_SIZES.iter().find(|(family, _)| *family == model_type);
            let keys = keys.with_defaults(sizes.map_or(&[], |(_, sizes)| sizes));
            return Ok(Self { keys, model_type, wrapper: Some(outer.string_or("model_type", "multimodal")?) });
        }
        let own = family_of(SAME, outer.string("model_type")?);
        let model_type = family_of(FLAT, own.clone());
        let wrapper = (model_type != own).then_some(own);
        Ok(Self { keys: outer.clone(), model_type, wrapper })
    }
}

/// The family that a `model_type` stands for in this list, or the value itself.
fn family_of(list: &[(&str, &str)], model_type: String) -> String {
    list.iter().find(|(name, _)| *name == model_type).map_or(model_type, |(_, family)| (*family).to_owned())
}
