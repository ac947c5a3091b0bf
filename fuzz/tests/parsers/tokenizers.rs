//! Tokenizers of folders and of GGUF metadata, used on a few texts.

use laser::checkpoint::{Array, Metadata, Value};
use laser::model::tokenizer::Tokenizer;
use laser_fuzz::damage::Damaged;
use laser_fuzz::target::Target;
use serde_json::{Value as Json, json};

use crate::support::{folder, join, parts, write};

const TEXTS: [&str; 5] =
    ["", "ab abc  1234 it's", "\u{e9}e\u{301}\u{4e2d}\u{0}<s>\u{1f600}", "</s><unk>aaaaaaaaaaaaaaaa", "\n\n \t x"];

const WORDS: &[&str] = &[
    "\"BPE\"",
    "\"WordPiece\"",
    "\"Unigram\"",
    "\"WordLevel\"",
    "\"vocab\"",
    "\"merges\"",
    "\"unk_token\"",
    "\"byte_fallback\"",
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}",
    "{\"type\":\"NFC\"}",
    "{\"type\":\"Metaspace\",\"replacement\":\"\u{2581}\",\"prepend_scheme\":\"first\",\"split\":true}",
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaaaaaaaa\"}",
    "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"b\"}",
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a+)+$\"},\"content\":\"b\"}",
    "{\"type\":\"Prepend\",\"prepend\":\"\"}",
    "{\"type\":\"Strip\",\"content\":\" \",\"start\":1000,\"stop\":1000}",
    "{\"type\":\"ByteFallback\"}",
    "{\"type\":\"Fuse\"}",
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\s+(?!\\\\S)|.\"},\"behavior\":\"Isolated\",\"invert\":false}",
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\"},\"behavior\":\"Removed\",\"invert\":true}",
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?:a{1000}){1000}\"},\"behavior\":\"Isolated\",\"invert\":false}",
    "{\"type\":\"Sequence\",\"pretokenizers\":[]}",
    "{\"type\":\"Sequence\",\"normalizers\":[]}",
    "{\"type\":\"Lowercase\"}",
    "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"}",
    "{\"type\":\"Digits\",\"individual_digits\":true}",
    "{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[],\"special_tokens\":{}}",
    "{\"type\":\"FixedLength\",\"length\":0}",
    "{\"max_length\":0,\"strategy\":\"LongestFirst\",\"stride\":5,\"direction\":\"Right\"}",
    "{\"strategy\":{\"Fixed\":1000000000},\"direction\":\"Right\",\"pad_to_multiple_of\":0,\"pad_id\":0,\"pad_type_id\":0,\"pad_token\":\"x\"}",
    "\"dropout\":1.5",
    "\"max_input_chars_per_word\":0",
    "\"continuing_subword_prefix\":\"##\"",
    "\"end_of_word_suffix\":\"</w>\"",
    "\"ignore_merges\":true",
    "\"fuse_unk\":true",
    "\"special\":true",
    "\"content\":\"\"",
    "\"a\"",
    "\"\"",
    "null",
    "[]",
    "{}",
    "[\"a\",\"b\"]",
    "[\"\",0.0]",
    "1e999",
    "\u{2581}",
    "\u{120}",
    "<0x00>",
    "<0xZZ>",
];

/// Uses a tokenizer as tasks, evaluations and exports do.
fn use_it(tokenizer: &Tokenizer) {
    for text in TEXTS {
        for special in [false, true] {
            if let Ok(ids) = tokenizer.encode(text, special) {
                let _ = tokenizer.decode(&ids);
            }
        }
    }
    for id in [0, 1, 5, 40, 255, 256, 70_000, u32::MAX] {
        let _ = tokenizer.token_text(id);
        let _ = tokenizer.decode(&[id, id]);
    }
    let _ = (tokenizer.bos_id(), tokenizer.eos_ids(), tokenizer.vocab_size(), tokenizer.special_texts());
    let _ = (tokenizer.to_json(), tokenizer.config_json());
}

fn added(id: usize, content: &str) -> Json {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true})
}

/// Four definitions, one for each kind of model.
fn definitions() -> Vec<Json> {
    let of = |model: Json, normalizer: Json, pre_tokenizer: Json, post_processor: Json, decoder: Json| {
        json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [added(0, "<unk>"), added(1, "<s>")],
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": post_processor, "decoder": decoder,
            "model": model})
    };
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let spaces = json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true});
    let bpe = json!({"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": {"<unk>": 0, "<s>": 1, "a": 2, "b": 3, "c": 4, "\u{120}": 5, "ab": 6, "\u{120}ab": 7, "abc": 8},
        "merges": [["a", "b"], ["\u{120}", "ab"], ["ab", "c"]]});
    let pieces = json!({"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": {"<unk>": 0, "<s>": 1, "a": 2, "##b": 3, "##c": 4, "x": 5}});
    let unigram = json!({"type": "Unigram", "unk_id": 0, "byte_fallback": false,
        "vocab": [["<unk>", 0.0], ["<s>", 0.0], ["a", -1.0], ["b", -1.5], ["ab", -1.25], ["\u{2581}", -2.0]]});
    let words = json!({"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "<s>": 1, "ab": 2, "x": 3}});
    let first = json!({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}},
        {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}});
    let bert = json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
        "lowercase": true});
    let decoder = json!({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u{2581}"},
        "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]});
    vec![
        of(bpe, json!({"type": "NFC"}), bytes.clone(), Json::Null, bytes),
        of(
            pieces,
            bert,
            json!({"type": "BertPreTokenizer"}),
            first.clone(),
            json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        ),
        of(unigram, json!({"type": "Sequence", "normalizers": [{"type": "NFKC"}]}), spaces, first, decoder),
        of(words, Json::Null, json!({"type": "Whitespace"}), Json::Null, Json::Null),
    ]
}

#[test]
fn tokenizers_of_folders() {
    let folder = folder();
    let config =
        r#"{"bos_token":"<s>","unk_token":{"content":"<unk>"},"add_bos_token":true,"chat_template":"{{ messages }}"}"#;
    let seeds = definitions().into_iter().flat_map(|definition| {
        let definition = definition.to_string();
        [join(&[&definition, "{}"]), join(&[&definition, config, r#"{"eos_token_id": [0, 1]}"#])]
    });
    let inputs = Damaged { seeds: seeds.collect(), words: WORDS };
    Target { name: "tokenizer", other_bytes: 0, executions: 3000, inputs }.run(bolero::check!(), |input| {
        let mut parts = parts(input);
        for name in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"] {
            write(&folder.path().join(name), parts.next().unwrap_or(b"{}"));
        }
        let Ok(tokenizer) = Tokenizer::from_folder(folder.path()) else { return false };
        use_it(&tokenizer);
        true
    });
}

/// Metadata of a JSON object: whole numbers, fractions, texts, and lists of one of them.
fn metadata(document: &Json) -> Option<Metadata> {
    let value = |value: &Json| -> Option<Value> {
        Some(match value {
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => u32::try_from(number).map_or(Value::U64(number), Value::U32),
                (_, Some(number)) => Value::I64(number),
                _ => Value::F32(number.as_f64()? as f32),
            },
            Json::String(text) => Value::String(text.clone()),
            Json::Array(list) if list.iter().all(Json::is_string) => {
                Value::Array(Array::Strings(list.iter().filter_map(|text| Some(text.as_str()?.to_owned())).collect()))
            }
            Json::Array(list) if list.iter().all(Json::is_i64) => {
                Value::Array(Array::I32(list.iter().filter_map(|n| i32::try_from(n.as_i64()?).ok()).collect()))
            }
            Json::Array(list) => {
                Value::Array(Array::F32(list.iter().filter_map(|x| Some(x.as_f64()? as f32)).collect()))
            }
            Json::Null | Json::Object(_) => return None,
        })
    };
    let pairs = document.as_object()?.iter().filter_map(|(key, found)| Some((key.clone(), value(found)?)));
    Metadata::from_pairs(pairs.collect()).ok()
}

#[test]
fn tokenizers_of_gguf() {
    let bytes = json!({
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": ["a", "b", "c", "\u{120}", "ab", "\u{120}ab", "<s>", "</s>"],
        "tokenizer.ggml.token_type": [1, 1, 1, 1, 1, 1, 3, 3], "tokenizer.ggml.merges": ["a b", "\u{120} ab"],
        "tokenizer.ggml.bos_token_id": 6, "tokenizer.ggml.eos_token_id": 7, "tokenizer.ggml.add_bos_token": true,
        "tokenizer.chat_template": "{{ messages }}",
    });
    let pieces = json!({
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", "<0x61>", "\u{2581}", "a", "b", "ab", "\u{2581}ab"],
        "tokenizer.ggml.scores": [0.0, 0.0, 0.0, 0.5, -1.5, -2.5, -3.5, -4.5, -5.5],
        "tokenizer.ggml.token_type": [2, 3, 3, 6, 1, 1, 1, 1, 1], "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0, "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.add_space_prefix": true, "tokenizer.ggml.add_eos_token": true,
    });
    let words = &[
        "\"gpt2\"",
        "\"llama\"",
        "\"bert\"",
        "\"qwen2\"",
        "\"gpt-2\"",
        "\"smollm\"",
        "\"tekken\"",
        "\"default\"",
        "[]",
        "\"\"",
        "\"a b\"",
        "\"a  b\"",
        "\" \"",
        "[1]",
        "true",
        "null",
        "{}",
        "\"tokenizer.ggml.eot_token_id\":",
        "\"<0x00>\"",
        "\"<0xGG>\"",
        "\u{2581}",
        "\u{120}",
        "\"tokenizer.ggml.remove_extra_whitespaces\":true,",
        "\"a\"",
        ",",
    ];
    let inputs = Damaged { seeds: [bytes, pieces].map(|seed| seed.to_string().into_bytes()).into(), words };
    Target { name: "gguf-tokenizer", other_bytes: 0, executions: 3000, inputs }.run(bolero::check!(), |input| {
        let document = serde_json::from_slice(input).ok();
        let Some(metadata) = document.as_ref().and_then(metadata) else { return false };
        let Ok(tokenizer) = Tokenizer::from_gguf(&metadata) else { return false };
        use_it(&tokenizer);
        true
    });
}
