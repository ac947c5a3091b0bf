//! The tokenizer of a world: one token for each made-up word, or a byte-pair encoding of English sentences.

use laser::{Error, Result};
use serde_json::{Map, Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Trainer};

use super::settings::Language;
use super::words::Words;
use super::world::World;

/// Marks the beginning of a sentence; the next one after a sentence also ends it.
const BOUNDARY: &str = "<s>";
/// Stands for a word that the world does not have.
const UNKNOWN: &str = "<unk>";

/// Number of tokens of a byte-pair encoding: 256 bytes, and merges for the words of templates and the syllables of names.
const PAIR_TOKENS: usize = 1_000;
/// Number of times that a pair must occur to become a token.
const LEAST_PAIRS: u64 = 2;

/// `tokenizer.json`, as the `tokenizers` crate and the Python library transformers read it. The boundary token is added
/// before a text.
///
/// # Errors
/// A failure of the training of a byte-pair encoding.
pub(super) fn tokenizer_json(world: &World) -> Result<Value> {
    match world.settings.language {
        Language::MadeUp => Ok(of_words(&world.words)),
        Language::English => of_pairs(world),
    }
}

/// Words are split at blanks, and each is a token.
fn of_words(words: &Words) -> Value {
    let tokens = [UNKNOWN, BOUNDARY].into_iter().chain(words.all());
    let vocabulary: Map<String, Value> =
        (0u32..).zip(tokens).map(|(id, token)| (token.to_owned(), id.into())).collect();
    let model = json!({"type": "WordLevel", "vocab": vocabulary, "unk_token": UNKNOWN});
    file(&[UNKNOWN, BOUNDARY], json!({"type": "WhitespaceSplit"}), Value::Null, model)
}

/// A byte-pair encoding of the corpus, the questions and the answers, by the `tokenizers` crate.
fn of_pairs(world: &World) -> Result<Value> {
    let failed = |error: tokenizers::Error| Error::setting("language", format!("no byte-pair encoding: {error}"));
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(PAIR_TOKENS)
        .min_frequency(LEAST_PAIRS)
        .special_tokens(vec![AddedToken::from(BOUNDARY, true)])
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mentions = world.mentions.iter().map(|mention| mention.text.clone());
    let asked = world.facts.iter().map(|fact| format!("{} {}", world.question(fact), world.answer(fact)));
    let texts: Vec<String> = mentions.chain(asked).collect();
    let split = ByteLevel::new(false, true, true);
    let words = |text: &str| {
        let mut text = PreTokenizedString::from(text);
        split.pre_tokenize(&mut text)?;
        let splits = text.get_splits(OffsetReferential::Original, OffsetType::Byte);
        Ok(splits.into_iter().map(|(word, _, _)| word.to_owned()).collect())
    };
    trainer.feed(texts.iter(), words).map_err(failed)?;
    let mut pairs = BPE::default();
    trainer.train(&mut pairs).map_err(failed)?;
    let model = serde_json::to_value(&pairs).map_err(|error| failed(error.into()))?;
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    Ok(file(&[BOUNDARY], byte_level.clone(), byte_level, model))
}

/// The file of a tokenizer, whose special tokens have the first ids; the last of them is the boundary.
fn file(special: &[&str], pre_tokenizer: Value, decoder: Value, model: Value) -> Value {
    let added = |(id, content): (u32, &&str)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let boundary = json!({"SpecialToken": {"id": BOUNDARY, "type_id": 0}});
    let sequence = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": (0..).zip(special).map(added).collect::<Vec<Value>>(),
        "normalizer": null,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [boundary, sequence("A")],
            "pair": [boundary, sequence("A"), sequence("B")],
            "special_tokens": {BOUNDARY: {"id": BOUNDARY, "ids": [special.len() - 1], "tokens": [BOUNDARY]}},
        },
        "decoder": decoder,
        "model": model,
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
