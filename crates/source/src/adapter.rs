//! Adapters such as LoRA, which are no models: takes a folder, says whether it holds an adapter only, and of which base
//! model.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::hub_name::HubModel;

/// Name of the file that describes an adapter.
pub(crate) const CONFIG: &str = "adapter_config.json";
/// Beginning of the names of an adapter's weights.
const WEIGHTS: &str = "adapter_model";
/// Largest size in bytes of a description that is read; real ones have about one thousand.
const MAX_CONFIG: u64 = 1 << 20;
/// Fault and advice for weights of an adapter whose base model is not known.
pub(crate) const HINT: &str = "an adapter (PEFT): give its base model, and its folder as BASE+adapter:DIR";

/// Whether a path names weights of an adapter.
pub(crate) fn is_weights(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(WEIGHTS))
}

/// The base model that the `adapter_config.json` of a folder names; `None` if there is no such file, or if it names none.
pub fn adapter_base(folder: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(folder.join(CONFIG)).ok()?.take(MAX_CONFIG).read_to_string(&mut text).ok()?;
    let config: Value = serde_json::from_str(&text).ok()?;
    let base = config["base_model_name_or_path"].as_str().filter(|base| !base.trim().is_empty())?;
    // The name goes to a terminal, and the file may be anybody's.
    Some(base.chars().filter(|c| !c.is_control()).collect())
}

/// What to do about a folder that holds an adapter and no model; `None` for all other folders.
pub(crate) fn adapter_hint(folder: &Path) -> Option<String> {
    if !folder.join(CONFIG).is_file() {
        return None;
    }
    // Some trainers put the configuration of the base model beside the adapter.
    if folder.join("config.json").is_file() && holds_model_weights(folder) {
        return None;
    }
    let base = adapter_base(folder);
    let of_model = base.as_deref().map_or_else(String::new, |base| format!(" for the model `{base}`"));
    let name = match base {
        // Two plain names with a slash between them are a Hub repository, unless they are a path here.
        Some(base)
            if !Path::new(&base).exists() && base.matches('/').count() == 1 && HubModel::parse(&base).is_ok() =>
        {
            format!("hf:{base}")
        }
        Some(base) => base,
        None => "BASE".to_owned(),
    };
    let folder = folder.display();
    Some(format!("the folder holds an adapter{of_model}, not a model: name both, {name}+adapter:{folder}"))
}

/// Whether a folder holds weights other than an adapter's, in whatever format. A folder that cannot be listed counts.
fn holds_model_weights(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return true };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let is_small = path.file_name().is_some_and(|name| name == "training_args.bin");
        matches!(ending.as_str(), "safetensors" | "bin" | "pt" | "pth") && !is_weights(&path) && !is_small
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LORA: &str = r#"{"peft_type": "LORA", "base_model_name_or_path": "org/ba\u001bse"}"#;

    #[test]
    fn a_folder_with_an_adapter_only_names_the_base_model() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        assert_eq!(adapter_hint(dir.path()), None);
        write(CONFIG, LORA);
        write("adapter_model.safetensors", "");
        let hint = adapter_hint(dir.path()).unwrap();
        assert!(hint.contains("`org/base`") && hint.contains("name both, hf:org/base+adapter:"), "{hint}");
        // With the base model's configuration beside it, it still has no weights of a model.
        write("config.json", "{}");
        write("training_args.bin", "");
        assert!(adapter_hint(dir.path()).is_some());
        write("model-00001-of-00002.safetensors", "");
        assert_eq!(adapter_hint(dir.path()), None);
    }

    #[test]
    fn a_description_that_names_no_base_is_still_an_adapter() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "{", "[]", "{}", r#"{"base_model_name_or_path": null}"#, r#"{"base_model_name_or_path": ""}"#]
        {
            std::fs::write(dir.path().join(CONFIG), text).unwrap();
            let hint = adapter_hint(dir.path()).unwrap();
            assert!(hint.contains("holds an adapter, not a model"), "{text}: {hint}");
        }
    }
}
