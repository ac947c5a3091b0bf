//! The task file as the harness writes it into `configs` of its results: all keys, with the harness's defaults.

use serde_json::{Map, Value, json};

use super::generation::{GenerationConfig, MAX_GEN_TOKS};
use super::prompt::PromptConfig;
use crate::harness::output_type::OutputType;

/// The keys `json` of a task file without labels and nulls, and with the defaults that the harness adds.
pub(super) fn with_defaults(
    mut json: Map<String, Value>,
    output_type: OutputType,
    prompt: &PromptConfig,
    generation: &GenerationConfig,
) -> Map<String, Value> {
    for key in ["tag", "group"] {
        json.shift_remove(key);
    }
    json.retain(|_, value| !value.is_null());
    let defaults = [
        ("description", json!("")),
        ("target_delimiter", json!(prompt.target_delimiter)),
        ("fewshot_delimiter", json!(prompt.fewshot_delimiter)),
        ("output_type", json!(output_type.name())),
        ("repeats", json!(1)),
        ("should_decontaminate", json!(false)),
    ];
    for (key, value) in defaults {
        json.entry(key).or_insert(value);
    }
    if output_type == OutputType::GenerateUntil {
        let kwargs = json
            .entry("generation_kwargs")
            .or_insert_with(|| json!({"temperature": 0.0, "do_sample": false, "max_gen_toks": MAX_GEN_TOKS}));
        if let Value::Object(kwargs) = kwargs {
            kwargs.entry("until").or_insert_with(|| json!(generation.until));
            if kwargs.contains_key("temperature") {
                kwargs.insert("temperature".into(), json!(0.0)); // the harness writes 0.0 for 0, too
            }
        }
    }
    json
}
