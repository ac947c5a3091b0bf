//! The tokenizer of a Hugging Face folder: takes `tokenizer.json` and the small files beside it.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use super::Tokenizer;
use super::error::TokenizerError;
use super::special::SpecialTokens;

impl Tokenizer {
    /// Reads the tokenizer of a model folder: `tokenizer.json`, and if they exist `tokenizer_config.json` (names of
    /// special tokens, whether they are added to a text, chat template), `chat_template.jinja`, and
    /// `generation_config.json` or else `config.json` (further end tokens).
    ///
    /// # Errors
    /// [`TokenizerError::Io`] if there is no `tokenizer.json` or a file cannot be read, [`TokenizerError::Json`] if a
    /// file is not JSON, [`TokenizerError::Definition`] if `tokenizer.json` does not make a tokenizer,
    /// [`TokenizerError::NoSuchToken`] if a special token is not in the vocabulary.
    pub fn from_folder(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join("tokenizer.json");
        let mut definition = read_json(&path)?.ok_or_else(|| TokenizerError::Io {
            hint: absence_hint(folder),
            source: ErrorKind::NotFound.into(),
            path: path.clone(),
        })?;
        let config = read_json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let ids = VocabularyLookup(&definition);
        let id_of = |key: &str| ids.id(token_name(&config[key])?);
        let mut special = SpecialTokens {
            bos: id_of("bos_token"),
            eos: id_of("eos_token").into_iter().collect(),
            unk: id_of("unk_token"),
            pad: id_of("pad_token"),
            // If the file does not name it, try the names that BERT and RoBERTa use.
            mask: id_of("mask_token").or(ids.id("[MASK]")).or(ids.id("<mask>")),
            ..SpecialTokens::default()
        };
        for file in ["generation_config.json", "config.json"] {
            let json = read_json(&folder.join(file))?.unwrap_or_default();
            let found = id_list(&json["eos_token_id"]);
            found.iter().for_each(|&id| special.push_eos(id));
            special.bos = special.bos.or(id_list(&json["bos_token_id"]).first().copied());
            // `config.json` counts only if `generation_config.json` is missing or names no end token.
            if !found.is_empty() {
                break;
            }
        }
        let (add_bos, add_eos) = (config["add_bos_token"].as_bool(), config["add_eos_token"].as_bool());
        if add_bos.is_some() || add_eos.is_some() {
            // Explicit values replace the rule in tokenizer.json, as in the Python library transformers.
            special.add_bos = add_bos.unwrap_or(false) && special.bos.is_some();
            special.add_eos = add_eos.unwrap_or(false) && !special.eos.is_empty();
            definition["post_processor"] = special.post_processor(|id| VocabularyLookup(&definition).name(id));
        }
        let template = chat_template(folder, &config)?;
        let mut tokenizer = Self::new(definition, special, template)?;
        // The rule in tokenizer.json can have many forms; encoding an empty text shows its effect.
        let ids_of_empty_text = tokenizer.encode("", true)?;
        tokenizer.special.add_bos = tokenizer.bos_id().is_some_and(|bos| ids_of_empty_text.first() == Some(&bos));
        tokenizer.special.add_eos = tokenizer.eos_id().is_some_and(|eos| {
            ids_of_empty_text.last() == Some(&eos) && ids_of_empty_text.len() > usize::from(tokenizer.special.add_bos)
        });
        Ok(tokenizer)
    }
}

/// Lookup of tokens and ids in a `tokenizer.json` document.
struct VocabularyLookup<'a>(&'a Value);

impl VocabularyLookup<'_> {
    /// Id of a token.
    fn id(&self, token: &str) -> Option<u32> {
        let added = self.0["added_tokens"].as_array().into_iter().flatten();
        let id = added
            .filter(|entry| entry["content"] == token)
            .map(|entry| &entry["id"])
            .next()
            .or_else(|| self.0["model"]["vocab"].get(token));
        u32::try_from(id?.as_u64()?).ok()
    }

    /// Token of an id.
    fn name(&self, id: u32) -> Option<String> {
        let added = self.0["added_tokens"].as_array().into_iter().flatten();
        let added_name = added.filter(|entry| entry["id"] == id).find_map(|entry| entry["content"].as_str());
        let vocab = self.0["model"]["vocab"].as_object();
        let vocabulary_name = || vocab?.iter().find(|(_, value)| **value == id).map(|(name, _)| name.as_str());
        added_name.or_else(vocabulary_name).map(str::to_owned)
    }
}

/// Text of a token in `tokenizer_config.json`, which is a string or an object with the key `content`.
fn token_name(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

/// Ids of a value that is one id or a list of ids; empty for other values.
fn id_list(value: &Value) -> Vec<u32> {
    let one = std::slice::from_ref(value);
    let several = value.as_array().map_or(one, Vec::as_slice);
    several.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()).collect()
}

/// The chat template: `chat_template.jinja`, or else the template in `tokenizer_config.json` (the default one of a
/// list).
fn chat_template(folder: &Path, config: &Value) -> Result<Option<String>, TokenizerError> {
    let path = folder.join("chat_template.jinja");
    match std::fs::read_to_string(&path) {
        Ok(text) => return Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(source) => {
            return Err(TokenizerError::Io { path, source, hint: "" });
        }
    }
    let template = &config["chat_template"];
    let default_of_list = || template.as_array()?.iter().find(|entry| entry["name"] == "default")?["template"].as_str();
    Ok(template.as_str().or_else(default_of_list).map(str::to_owned))
}

/// Reads a JSON file; `None` if it does not exist.
fn read_json(path: &Path) -> Result<Option<Value>, TokenizerError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| TokenizerError::Json { path: path.to_owned(), reason: e.to_string() }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TokenizerError::Io { path: path.to_owned(), source, hint: "" }),
    }
}

/// Hint for a folder without `tokenizer.json`.
fn absence_hint(folder: &Path) -> &'static str {
    let older_kind = ["tokenizer.model", "vocab.json", "vocab.txt"].iter().any(|name| folder.join(name).is_file());
    if older_kind {
        "; the folder has a tokenizer of the older kind, convert it with python: \
         AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"
    } else {
        ""
    }
}
