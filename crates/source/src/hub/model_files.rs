//! Files of a model: takes the names of all files of a repository, gives the names of the files to fetch.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::adapter;
use crate::error::{PICKLE_HINT, SourceError};
use crate::gguf_file::has_gguf_name;
use crate::hub_name::is_plain_path;

/// Name of the index that maps each tensor to its shard.
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// Name of the weights if they are in one file.
pub(super) const SINGLE: &str = "model.safetensors";

/// Names of the files to fetch.
#[derive(Debug, PartialEq)]
pub(super) struct ModelFileNames {
    /// Configuration, tokenizer and chat template, and licence and model card, which a copy of the model must include.
    pub(super) beside_weights: Vec<String>,
    /// The index of shards, if the weights are sharded.
    pub(super) index: Option<String>,
    /// The weights, if they are not sharded; otherwise empty.
    pub(super) weights: Vec<String>,
}

impl ModelFileNames {
    /// Chooses among `files`, the names of all files of `repo`.
    pub(super) fn choose(repo: &str, files: &[String]) -> Result<Self, SourceError> {
        let has = |name: &str| files.iter().any(|file| file == name);
        let refuse = |hint: String| SourceError::NoWeights { repo: repo.to_owned(), hint };
        if !has(INDEX) && !has(SINGLE) {
            let pickled =
                files.iter().any(|file| file.ends_with(".bin") || file.ends_with(".pt") || file.ends_with(".pth"));
            return Err(refuse(if files.iter().any(|file| has_gguf_name(file)) {
                format!("it has GGUF files, name one as hf:{repo}/FILE.gguf: {}", ggufs(files))
            } else if has(adapter::CONFIG) {
                format!("{}; its {} names the base model", adapter::HINT, adapter::CONFIG)
            } else if pickled {
                PICKLE_HINT.to_owned()
            } else {
                format!("neither {SINGLE} nor {INDEX} is among its {} files", files.len())
            }));
        }
        if !has("config.json") {
            return Err(refuse("there are weights, but no config.json that describes them".to_owned()));
        }
        let index = has(INDEX).then(|| INDEX.to_owned());
        Ok(Self {
            beside_weights: files.iter().filter(|file| is_companion(file)).cloned().collect(),
            weights: if index.is_some() { vec![] } else { vec![SINGLE.to_owned()] },
            index,
        })
    }
}

/// Whether a file is a small file of the top folder: configuration, tokenizer, template, licence or card. Indexes and
/// weights of other formats are not.
fn is_companion(file: &str) -> bool {
    let known_end = [".json", ".jinja", ".txt", ".md", ".model"].iter().any(|end| file.ends_with(end));
    let legal = ["LICENSE", "LICENCE", "NOTICE"].iter().any(|start| file.starts_with(start));
    !file.contains('/') && !file.ends_with(".index.json") && (known_end || legal)
}

/// The names of GGUF files, for an error message.
pub(super) fn ggufs(files: &[String]) -> String {
    let names: Vec<_> = files.iter().filter(|file| has_gguf_name(file)).map(String::as_str).collect();
    if names.is_empty() { "no .gguf file".to_owned() } else { names.join(", ") }
}

/// Distinct shard names in an index file, sorted.
///
/// # Errors
/// [`SourceError::Protocol`] if the file is not an index, or if a name could lead outside the model's folder.
pub(super) fn shards(index: &Path) -> Result<Vec<String>, SourceError> {
    let bytes = std::fs::read(index).map_err(|e| SourceError::io(index, e))?;
    let malformed = |reason: String| SourceError::Protocol { url: index.display().to_string(), reason };
    let json: Value = serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string()))?;
    let map = json["weight_map"].as_object().ok_or_else(|| malformed("no weight_map object".to_owned()))?;
    let mut names = BTreeSet::new();
    for (tensor, file) in map {
        match file.as_str() {
            Some(name) if is_plain_path(name) => names.insert(name.to_owned()),
            _ => {
                return Err(malformed(format!("tensor {tensor} is said to be in {file}, which is no file name")));
            }
        };
    }
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_model_its_tokenizer_licence_and_card_are_fetched() {
        let files = names(&[
            "LICENSE",
            "README.md",
            "config.json",
            "model.safetensors",
            "onnx/model.onnx",
            "original/params.json",
            "pytorch_model.bin",
            "pytorch_model.bin.index.json",
            "tokenizer.json",
        ]);
        let names_to_fetch = ModelFileNames::choose("o/n", &files).unwrap();
        assert_eq!(names_to_fetch.beside_weights, names(&["LICENSE", "README.md", "config.json", "tokenizer.json"]));
        assert_eq!((names_to_fetch.index, names_to_fetch.weights), (None, names(&[SINGLE])));
    }

    #[test]
    fn a_repository_without_safetensors_gets_a_hint() {
        let hint = |list: &[&str]| ModelFileNames::choose("o/n", &names(list)).unwrap_err().to_string();
        assert!(hint(&["a.Q4.gguf", "b.Q8.gguf"]).contains("hf:o/n/FILE.gguf: a.Q4.gguf, b.Q8.gguf"));
        assert!(hint(&["config.json", "pytorch_model.bin"]).contains("pickle"));
        for weights in ["adapter_model.safetensors", "adapter_model.bin"] {
            let hint = hint(&["README.md", "adapter_config.json", weights]);
            assert!(hint.contains("an adapter") && hint.contains("adapter_config.json"), "{hint}");
        }
        assert!(hint(&["model.safetensors"]).contains("config.json"));
        assert!(hint(&["x"]).contains("1 files"));
    }

    #[test]
    fn shards_are_distinct_and_names_outside_the_folder_refused() {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index.json");
        let read = |text: &str| {
            std::fs::write(&index, text).unwrap();
            shards(&index)
        };
        assert_eq!(read(r#"{"weight_map":{"a":"2.st","b":"1.st","c":"2.st"}}"#).unwrap(), names(&["1.st", "2.st"]));
        for bad in [
            r#"{"weight_map":{"a":"../x"}}"#,
            r#"{"weight_map":{"a":"/etc/x"}}"#,
            r#"{"weight_map":{"a":3}}"#,
            "{}",
            "[",
        ] {
            assert!(read(bad).is_err(), "{bad} was accepted");
        }
    }
}
