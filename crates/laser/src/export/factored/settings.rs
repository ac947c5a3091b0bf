//! The configuration of a factored model and the code that it names: takes the base model's `config.json`, adds the modules.

use std::path::Path;

use laser_checkpoint::write_atomically;
use serde_json::{Map, Value, json};

use super::FactoredModule;
use crate::error::{Error, Result};
use laser_model::ModelKind;
use laser_model::config::ModelConfig;

/// File name of the code.
pub(super) const CODE_FILE: &str = "modeling_laser.py";
/// The code; `CLASS` and `MODEL_TYPE` stand for those of the base model.
const CODE: &str = include_str!("modeling_laser.py");
/// File name of the configuration.
const CONFIG_FILE: &str = "config.json";
/// Key of the modules.
const KEY: &str = "laser_factored";

/// The class of transformers that loads models of this kind.
pub(super) fn auto_class(config: &ModelConfig) -> &'static str {
    match config.kind() {
        ModelKind::Causal => "AutoModelForCausalLM",
        ModelKind::Masked => "AutoModelForMaskedLM",
    }
}

/// Writes the code, and changes the configuration in `folder`, a copy of the base model's.
///
/// # Errors
/// A configuration that is no JSON object, or files that cannot be written.
pub(super) fn write(folder: &Path, config: &ModelConfig, modules: &[&FactoredModule]) -> Result<()> {
    let path = folder.join(CONFIG_FILE);
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut keys: Map<String, Value> = serde_json::from_str(text).map_err(|e| Error::parse(&path, e))?;
    let own_type = keys.get("model_type").and_then(Value::as_str).unwrap_or(config.family.model_type);
    let model_type = format!("laser_{own_type}");
    let size = |module: &FactoredModule| {
        let [outputs, inputs] = module.shape;
        json!({"inputs": inputs, "rank": module.rank, "outputs": outputs, "bias": module.bias})
    };
    let sizes: Map<String, Value> = modules.iter().map(|module| (module.module.clone(), size(module))).collect();
    let code = |class: &str| format!("modeling_laser.{class}");
    keys.insert(
        "auto_map".to_owned(),
        json!({"AutoConfig": code("LaserConfig"), auto_class(config): code("LaserModel")}),
    );
    keys.insert("architectures".to_owned(), json!(["LaserModel"]));
    keys.insert("model_type".to_owned(), model_type.clone().into());
    keys.insert(KEY.to_owned(), Value::Object(sizes));
    write_atomically(&path, format!("{:#}\n", Value::Object(keys)).as_bytes())?;
    let code = CODE.replace("CLASS", config.family.class).replace("MODEL_TYPE", &model_type);
    Ok(write_atomically(&folder.join(CODE_FILE), code.as_bytes())?)
}
