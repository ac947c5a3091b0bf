//! The tokenizer of a Hugging Face folder: takes `tokenizer.json` and the small files beside it.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;
use tokenizers::PostProcessorWrapper;

use super::Tokenizer;
use super::error::TokenizerError;
use super::special::SpecialTokens;
use crate::lenient_json;

impl Tokenizer {
    /// Reads the tokenizer of a model folder: `tokenizer.json`, and if they exist `tokenizer_config.json` (names of
    /// special tokens, whether they are added to a text, chat template), `chat_template.jinja`, and
    /// `generation_config.json` or else `config.json` (further end tokens).
    ///
    /// # Errors
    /// [`TokenizerError::Io`] if there is no `tokenizer.json` or a file cannot be read, [`TokenizerError::Json`] if a
    /// file is not JSON, [`TokenizerError::Definition`] or [`TokenizerError::IdTooLarge`] if `tokenizer.json` does not make
    /// a tokenizer.
    pub fn from_folder(folder: &Path) -> Result<Self, TokenizerError> {
        let path = folder.join("tokenizer.json");
        let definition = read_json(&path)?.ok_or_else(|| TokenizerError::Io {
            hint: absence_hint(folder),
            source: ErrorKind::NotFound.into(),
            path: path.clone(),
        })?;
        let config_path = folder.join("tokenizer_config.json");
        let config = read_json(&config_path)?.unwrap_or_default();
        let template = chat_template(folder, &config)?;
        // The special tokens come later, because only the finished tokenizer knows the ids of added tokens.
        let mut tokenizer = Self::new(definition, SpecialTokens::default(), template)?;
        let inner = &tokenizer.inner;
        let mut notes = Vec::new();
        let mut id_of = |key: &str| {
            let name = token_name(&config[key])?;
            let id = inner.token_to_id(name);
            if id.is_none() && !name.is_empty() {
                notes.push(format!("{}: `{key}` {name:?} is not in the vocabulary", config_path.display()));
            }
            id
        };
        let mut special = SpecialTokens {
            bos: id_of("bos_token"),
            eos: id_of("eos_token").into_iter().collect(),
            unk: id_of("unk_token"),
            pad: id_of("pad_token"),
            // If the file does not name it, try the names that BERT and RoBERTa use.
            mask: id_of("mask_token").or(inner.token_to_id("[MASK]")).or(inner.token_to_id("<mask>")),
            ..SpecialTokens::default()
        };
        for file in ["generation_config.json", "config.json"] {
            let path = folder.join(file);
            let json = read_json(&path)?.unwrap_or_default();
            // Of a model with images, the text part.
            let value =
                |key: &str| if json[key].is_null() { json["text_config"][key].clone() } else { json[key].clone() };
            let mut known = |key: &str| -> Vec<u32> {
                let (known, unknown): (Vec<_>, Vec<_>) = id_list(&value(key))
                    .into_iter()
                    .partition(|id| u32::try_from(*id).is_ok_and(|id| inner.id_to_token(id).is_some()));
                // GPT-2's 50256 stays behind in the files of many smaller models. No text contains such a token.
                notes.extend(unknown.into_iter().map(|id| {
                    let size = inner.get_vocab_size(true);
                    format!(
                        "{}: `{key}` {id} is not in the vocabulary of {size} tokens, and is not used",
                        path.display()
                    )
                }));
                known.into_iter().filter_map(|id| u32::try_from(id).ok()).collect()
            };
            let found = known("eos_token_id");
            found.iter().for_each(|&id| special.push_eos(id));
            if special.bos.is_none() {
                special.bos = known("bos_token_id").first().copied();
            }
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
            let rule = special.post_processor(|id| inner.id_to_token(id));
            let rule: Option<PostProcessorWrapper> =
                serde_json::from_value(rule).map_err(|e| TokenizerError::Definition(e.to_string()))?;
            tokenizer.inner.with_post_processor(rule);
        }
        tokenizer.special = special;
        tokenizer.notes.extend(notes);
        // The rule in tokenizer.json can have many forms; encoding an empty text shows its effect.
        let ids_of_empty_text = tokenizer.encode("", true)?;
        tokenizer.special.add_bos = tokenizer.bos_id().is_some_and(|bos| ids_of_empty_text.first() == Some(&bos));
        tokenizer.special.add_eos = tokenizer.eos_id().is_some_and(|eos| {
            ids_of_empty_text.last() == Some(&eos) && ids_of_empty_text.len() > usize::from(tokenizer.special.add_bos)
        });
        Ok(tokenizer)
    }
}

/// Text of a token in `tokenizer_config.json`, which is a string or an object with the key `content`.
fn token_name(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

/// Ids of a value that is one id or a list of ids, some of which may be out of range; empty for other values.
fn id_list(value: &Value) -> Vec<i64> {
    let one = std::slice::from_ref(value);
    let several = value.as_array().map_or(one, Vec::as_slice);
    several.iter().filter_map(Value::as_i64).collect()
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
        Ok(bytes) => lenient_json::parse(&bytes)
            .map(Some)
            .map_err(|reason| TokenizerError::Json { path: path.to_owned(), reason }),
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
