//! Every pre-tokenizer against the Python library tokenizers, by pieces and by token ids.

use std::collections::BTreeSet;

use laser_checkpoint::{Array, Metadata, Value as Stored};
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer as _, PreTokenizerWrapper};

use super::*;
use crate::tokenizer::Tokenizer;

/// The pieces of `text`, split by the definition without its last step, which would replace bytes by other characters.
fn pieces(name: &str, text: &str) -> Vec<String> {
    let mut definition = find(name).unwrap().definition();
    definition["pretokenizers"].as_array_mut().unwrap().pop();
    let cut: PreTokenizerWrapper = serde_json::from_value(definition).unwrap();
    let mut string = PreTokenizedString::from(text);
    cut.pre_tokenize(&mut string).unwrap();
    let splits = string.get_splits(OffsetReferential::Original, OffsetType::Byte);
    splits.into_iter().map(|(piece, _, _)| piece.to_owned()).collect()
}

#[test]
fn pre_tokenizers_split_as_their_reference() {
    let golden: Value = serde_json::from_str(include_str!("../../../../../goldens/tokenizer/splits.json")).unwrap();
    let texts = golden["texts"].as_array().unwrap();
    let mut wrong = Vec::new();
    for (name, splits) in golden["splits"].as_object().unwrap() {
        for (text, expected) in texts.iter().zip(splits.as_array().unwrap()) {
            let found = pieces(name, text.as_str().unwrap());
            if &json!(found) != expected {
                wrong.push(format!("{name} {text}: expected {expected}, found {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} texts differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The tokenizer of a GGUF file with this pre-tokenizer and the vocabulary of `golden`.
fn from_gguf(golden: &Value, pre: &str) -> Tokenizer {
    let pairs = [
        ("tokenizer.ggml.model", Stored::String("gpt2".to_owned())),
        (KEY, Stored::String(pre.to_owned())),
        ("tokenizer.ggml.tokens", Stored::Array(Array::Strings(strings(&golden["tokens"])))),
        ("tokenizer.ggml.merges", Stored::Array(Array::Strings(strings(&golden["merges"])))),
    ];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
    Tokenizer::from_gguf(&Metadata::from_pairs(pairs.to_vec()).unwrap()).unwrap()
}

/// The tokenizer of a folder whose `tokenizer.json` has this definition and the vocabulary of `golden`.
fn from_folder(golden: &Value, definition: &Value) -> Tokenizer {
    let vocab: serde_json::Map<String, Value> =
        strings(&golden["tokens"]).into_iter().enumerate().map(|(id, token)| (token, json!(id))).collect();
    let json = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": definition["normalizer"], "pre_tokenizer": definition["pre_tokenizer"],
        "post_processor": null, "decoder": byte_level(true),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": definition["ignore_merges"], "vocab": vocab, "merges": golden["merges"],
        },
    });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
    Tokenizer::from_folder(folder.path()).unwrap()
}

#[test]
fn token_ids_of_every_name_are_those_of_its_tokenizer_json() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../../../goldens/tokenizer/pre_tokenizers.json")).unwrap();
    let texts = strings(&golden["texts"]);
    let mut tested = BTreeSet::new();
    let mut wrong = Vec::new();
    for group in golden["groups"].as_array().unwrap() {
        let names = strings(&group["names"]);
        let mut tokenizers = vec![("its folder".to_owned(), from_folder(&golden, &group["definition"]))];
        tokenizers.extend(names.iter().map(|name| (name.clone(), from_gguf(&golden, name))));
        for (name, tokenizer) in tokenizers {
            for (text, expected) in texts.iter().zip(group["ids"].as_array().unwrap()) {
                let ids = tokenizer.encode(text, false).unwrap();
                if &json!(ids) != expected {
                    wrong.push(format!("{name} ({}) {text:?}: expected {expected}, found {ids:?}", names[0]));
                }
                if !find(&names[0]).unwrap().nfc {
                    assert_eq!(&tokenizer.decode(&ids).unwrap(), text, "{name}: bytes are lost");
                }
            }
        }
        tested.extend(names);
    }
    assert!(wrong.is_empty(), "{} texts differ:\n{}", wrong.len(), wrong.join("\n"));
    let known: BTreeSet<String> = TABLE.iter().flat_map(|row| row.names).map(|name| (*name).to_owned()).collect();
    assert_eq!(tested, known, "every name has a golden");
}

#[test]
fn every_tokenizer_json_finds_a_name_that_gives_its_tokens() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../../../goldens/tokenizer/pre_tokenizers.json")).unwrap();
    let texts = strings(&golden["texts"]);
    let mut unnamed: Vec<String> = Vec::new();
    for group in golden["groups"].as_array().unwrap() {
        let definition = &group["definition"];
        let nfc = definition["normalizer"]["type"] == "NFC";
        let name = name_of(&definition["pre_tokenizer"], nfc, definition["ignore_merges"] == true);
        let Some(name) = name else {
            // The table has some rules in other words, which give the same tokens but are not recognised.
            unnamed.extend(strings(&group["names"]));
            continue;
        };
        let tokenizer = from_gguf(&golden, name);
        for (text, expected) in texts.iter().zip(group["ids"].as_array().unwrap()) {
            assert_eq!(&json!(tokenizer.encode(text, false).unwrap()), expected, "{name}: {text:?}");
        }
    }
    for name in ["gpt-2", "llama-bpe", "qwen2", "smollm"] {
        assert!(!unnamed.contains(&name.to_owned()), "{name} is not recognised");
    }
    // What GPT-2's own files have, and what no name stands for.
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    assert_eq!(name_of(&byte_level, false, false), Some("gpt-2"));
    assert_eq!(name_of(&json!({"type": "Whitespace"}), false, false), None);
    assert_eq!(name_of(&Value::Null, false, false), None);
}

#[test]
fn names_are_distinct_and_an_unknown_name_is_refused_with_all_of_them() {
    let mut names: Vec<_> = TABLE.iter().flat_map(|row| row.names).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    let error = find("kimi-k2").unwrap_err().to_string();
    assert!(error.contains("kimi-k2") && names.iter().all(|name| error.contains(**name)), "{error}");
}
