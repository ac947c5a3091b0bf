//! The tokenizer of a world: one token for each word.

use serde_json::{Map, Value, json};

use super::words::Words;

/// Marks the beginning of a sentence; the next one after a sentence also ends it.
const BOUNDARY: &str = "<s>";
/// Stands for a word that the world does not have.
const UNKNOWN: &str = "<unk>";

/// `tokenizer.json`, as the `tokenizers` crate and the Python library transformers read it: words are split at blanks,
/// and each is a token; the boundary token is added before a text.
pub(super) fn tokenizer_json(words: &Words) -> Value {
    let tokens = [UNKNOWN, BOUNDARY].into_iter().chain(words.all());
    let vocabulary: Map<String, Value> =
        (0u32..).zip(tokens).map(|(id, token)| (token.to_owned(), id.into())).collect();
    let added = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let special = json!({"SpecialToken": {"id": BOUNDARY, "type_id": 0}});
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [added(0, UNKNOWN), added(1, BOUNDARY)],
        "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special, sequence("A")],
            "pair": [special, sequence("A"), sequence("B")],
            "special_tokens": {BOUNDARY: {"id": BOUNDARY, "ids": [1], "tokens": [BOUNDARY]}},
        },
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": UNKNOWN},
    })
}

/// `tokenizer_config.json`: the names of the special tokens.
pub(super) fn tokenizer_config_json() -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOUNDARY,
        "eos_token": BOUNDARY,
        "unk_token": UNKNOWN,
        "clean_up_tokenization_spaces": false,
    })
}
