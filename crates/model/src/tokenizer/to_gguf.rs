//! A tokenizer → GGUF metadata: the inverse of `gguf`, for models that were a folder.
//!
//! The result is read again and compared with the tokenizer on texts of many kinds, because GGUF names rules instead of
//! giving them.

mod byte_level_bpe;
mod sentencepiece_bpe;

use std::collections::BTreeMap;

use laser_checkpoint::{Array, Metadata, Value};
use serde_json::Value as Json;

use super::error::TokenizerError;
use super::{Tokenizer, sentencepiece};

/// Numbers of `tokenizer.ggml.token_type`.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

/// Texts on which both tokenizers must agree. Without letters that Unicode can also spell in parts, since llama.cpp takes
/// texts as they are.
const SAMPLES: &[&str] = &[
    "",
    "The quick brown fox jumps over the lazy dog.",
    " leading and  double   spaces\tand tabs \n\nand lines\r\n  indented\n",
    "It's we'll I'M you'Ve don't; e-mail@example.org, https://example.org/a?b=c#d",
    "1 12 123 1234 12345678 3.14159 1,000,000 50% $9.99 2⁴ ½ Ⅳ",
    "def f(x):\n    return x ** 2  # comment\n\nif a != b && c <= d || e >> 3 {}",
    "Ünïcödé çà été naïve Straße ŁÓDŹ Türkiye'nin İstanbul'da",
    "Привет, мир! Γειά σου Κόσμε. שלום עולם مرحبا بالعالم नमस्ते दुनिया สวัสดีชาวโลก",
    "你好，世界。こんにちは世界、カタカナ。안녕하세요 세계",
    "🙂 👩‍👩‍👧‍👦 🇩🇪 ™ © — … „quoted“ «text» ‘single’",
    "CamelCaseWords snake_case_words SCREAMING_CASE x1y2z3 a.b.c (nested [brackets {here}])",
];

impl Tokenizer {
    /// The keys under which a GGUF file of a model with `rows` token embeddings describes this tokenizer.
    ///
    /// # Errors
    /// [`TokenizerError::NotInGguf`] for a tokenizer that GGUF has no rules for, or with more tokens than `rows`.
    pub fn to_gguf(&self, rows: usize) -> Result<Vec<(String, Value)>, TokenizerError> {
        let definition: Json =
            serde_json::from_str(&self.to_json()).map_err(|e| TokenizerError::Definition(e.to_string()))?;
        let kind = &definition["model"]["type"];
        if *kind != "BPE" {
            return Err(refused(format!("a model of type {kind}; GGUF has byte-level BPE and SentencePiece BPE")));
        }
        // In a byte-level vocabulary nothing is unknown; what goes by that name is the end of a text.
        let unknown = self.special.unk.filter(|_| !self.byte_level);
        let vocabulary = Vocabulary::read(&definition, unknown, rows)?;
        let mut keys: BTreeMap<&str, Value> = match self.byte_level {
            true => byte_level_bpe::keys(&definition)?,
            false => sentencepiece_bpe::keys(&definition, &vocabulary)?,
        };
        let special = &self.special;
        for (key, id) in [
            ("bos_token_id", special.bos),
            ("eos_token_id", special.eos.first().copied()),
            ("eot_token_id", special.eos.get(1).copied()),
            ("eom_token_id", special.eos.get(2).copied()),
            ("unknown_token_id", special.unk),
            ("padding_token_id", special.pad),
        ] {
            keys.extend(id.map(|id| (key, Value::U32(id))));
        }
        keys.insert("add_bos_token", Value::Bool(special.add_bos));
        keys.insert("add_eos_token", Value::Bool(special.add_eos));
        keys.insert("tokens", Value::Array(Array::Strings(vocabulary.tokens)));
        keys.insert("token_type", Value::Array(Array::I32(vocabulary.types)));
        let named = keys.into_iter().map(|(key, value)| (format!("tokenizer.ggml.{key}"), value));
        let template =
            self.chat_template.clone().map(|text| ("tokenizer.chat_template".to_owned(), Value::String(text)));
        let keys: Vec<_> = named.chain(template).collect();
        self.check_alike(&keys)?;
        Ok(keys)
    }

    /// Checks that a reader of the metadata `keys` gives the tokens that this tokenizer gives.
    fn check_alike(&self, keys: &[(String, Value)]) -> Result<(), TokenizerError> {
        let read = Self::from_gguf(&Metadata::from_pairs(keys.to_vec())?)?;
        // Special tokens, too. Whether blanks beside them count is a thing on which programs differ.
        let special: String = self.special_texts().into_iter().map(|(_, text)| text).collect();
        for text in SAMPLES.iter().copied().chain([special.as_str()]) {
            // A small vocabulary may not spell every text.
            if self.encode(text, true).ok() != read.encode(text, true).ok() {
                return Err(refused(format!("rules that give other tokens for {text:?} than any that GGUF names")));
            }
        }
        Ok(())
    }
}

/// The tokens by their ids, with their kinds.
struct Vocabulary {
    tokens: Vec<String>,
    types: Vec<i32>,
}

impl Vocabulary {
    /// Reads the vocabulary of a `tokenizer.json`, and fills it up to `rows` tokens, since llama.cpp expects one for each
    /// row of the embedding.
    fn read(definition: &Json, unknown: Option<u32>, rows: usize) -> Result<Self, TokenizerError> {
        let mut found: BTreeMap<u64, (String, i32)> = BTreeMap::new();
        for (token, id) in definition["model"]["vocab"].as_object().into_iter().flatten() {
            let kind = if sentencepiece::byte_value(token).is_some() { BYTE } else { NORMAL };
            found.extend(id.as_u64().map(|id| (id, (token.clone(), kind))));
        }
        for added in definition["added_tokens"].as_array().into_iter().flatten() {
            let kind = if added["special"] == true { CONTROL } else { USER_DEFINED };
            let entry = added["id"].as_u64().zip(added["content"].as_str());
            found.extend(entry.map(|(id, content)| (id, (content.to_owned(), kind))));
        }
        if let Some((_, kind)) = unknown.and_then(|id| found.get_mut(&u64::from(id))) {
            *kind = UNKNOWN;
        }
        if let Some((id, (token, _))) = found.last_key_value().filter(|(id, _)| **id >= rows as u64) {
            return Err(refused(format!("the token {token:?} with id {id}, beyond the {rows} rows of the embedding")));
        }
        let filled = (0..rows as u64).map(|id| found.remove(&id).unwrap_or_else(|| (format!("[PAD{id}]"), UNUSED)));
        let (tokens, types) = filled.unzip();
        Ok(Self { tokens, types })
    }
}

/// The merges of a `tokenizer.json` as pairs.
fn merges(definition: &Json) -> impl Iterator<Item = Option<(&str, &str)>> {
    let list = definition["model"]["merges"].as_array().into_iter().flatten();
    list.map(|merge| match merge.as_str() {
        Some(text) => text.split_once(' '),
        None => merge[0].as_str().zip(merge[1].as_str()),
    })
}

/// The error of a tokenizer that GGUF cannot describe.
fn refused(found: impl Into<String>) -> TokenizerError {
    TokenizerError::NotInGguf { found: found.into() }
}
