//! GGUF metadata to a `tokenizer.json` document: byte-level BPE (`gpt2`) and SentencePiece (`llama`) vocabularies.

use std::collections::HashMap;

use laser_checkpoint::Metadata;
use serde_json::{Value, json};

use super::special::SpecialTokens;
use super::{Tokenizer, TokenizerError, pre, spm};

const MODEL: &str = "tokenizer.ggml.model";
const TOKENS: &str = "tokenizer.ggml.tokens";
const MERGES: &str = "tokenizer.ggml.merges";
const SCORES: &str = "tokenizer.ggml.scores";
const TOKEN_TYPE: &str = "tokenizer.ggml.token_type";

/// What a token is for, as SentencePiece numbers it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Made by merging; also the rare unused ones, which no text ever reaches.
    Piece,
    /// Stands for what cannot be spelled.
    Unknown,
    /// Has a meaning and no text: beginning, end, turns of a chat.
    Control,
    /// Matched whole wherever its text occurs.
    UserDefined,
    /// One byte, for what the pieces cannot spell.
    Byte,
}

impl Tokenizer {
    /// Rebuilds the tokenizer a GGUF file describes under its `tokenizer.` keys.
    ///
    /// # Errors
    /// [`TokenizerError::MissingKey`], [`TokenizerError::Metadata`] or [`TokenizerError::BadValue`] where the
    /// metadata is incomplete or contradicts itself; [`TokenizerError::Unsupported`] for a kind of vocabulary or
    /// a pre-tokenizer that is not known, with the known ones.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, TokenizerError> {
        let model = metadata
            .str(MODEL)?
            .ok_or(TokenizerError::MissingKey { key: MODEL, why: "it names the kind of tokenizer" })?;
        let vocabulary = Vocabulary::read(metadata)?;
        let mut special = special_tokens(metadata)?;
        let parts = match model {
            "gpt2" => byte_level(metadata, &vocabulary, &mut special)?,
            "llama" => sentence_piece(metadata, &vocabulary, &mut special)?,
            other => {
                return Err(TokenizerError::Unsupported {
                    key: MODEL,
                    found: other.to_owned(),
                    known: "gpt2 (byte-level BPE), llama (SentencePiece BPE)".to_owned(),
                });
            }
        };
        let name = |id: u32| vocabulary.tokens.get(usize::try_from(id).ok()?).cloned();
        if let Some(add) = metadata.bool("tokenizer.ggml.add_bos_token")? {
            special.add_bos = add;
        }
        if let Some(add) = metadata.bool("tokenizer.ggml.add_eos_token")? {
            special.add_eos = add;
        }
        if special.add_bos && special.bos.is_none() {
            return Err(TokenizerError::MissingKey {
                key: "tokenizer.ggml.bos_token_id",
                why: "the beginning token is to be added to every text",
            });
        }
        let definition = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": vocabulary.added_tokens(),
            "normalizer": parts.normalizer,
            "pre_tokenizer": parts.pre_tokenizer,
            "post_processor": special.post_processor(name),
            "decoder": parts.decoder,
            "model": parts.model,
        });
        let template = metadata.str("tokenizer.chat_template")?.map(str::to_owned);
        Self::new(definition, special, template)
    }
}

/// The components of `tokenizer.json` that depend on the kind of vocabulary.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    model: Value,
}

/// The tokens and what they are for.
struct Vocabulary<'a> {
    tokens: &'a [String],
    kinds: Vec<Kind>,
}

impl<'a> Vocabulary<'a> {
    fn read(metadata: &'a Metadata) -> Result<Self, TokenizerError> {
        let tokens =
            metadata.strings(TOKENS)?.ok_or(TokenizerError::MissingKey { key: TOKENS, why: "it is the vocabulary" })?;
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in tokens.iter().enumerate() {
            if let Some(earlier) = ids.insert(token, id) {
                return Err(TokenizerError::BadValue {
                    key: TOKENS.to_owned(),
                    expected: "distinct tokens".to_owned(),
                    found: format!("{token:?} as number {earlier} and number {id}"),
                });
            }
        }
        let kinds = match metadata.i32s(TOKEN_TYPE)? {
            Some(types) => types.iter().map(|&number| kind(number)).collect(),
            None => vec![Kind::Piece; tokens.len()],
        };
        same_length(TOKEN_TYPE, kinds.len(), tokens)?;
        Ok(Self { tokens, kinds })
    }

    /// Tokens with their kinds, in order of their ids.
    fn iter(&self) -> impl Iterator<Item = (&'a str, Kind)> {
        self.tokens.iter().map(String::as_str).zip(self.kinds.iter().copied())
    }

    /// The `vocab` of `tokenizer.json`.
    fn definition(&self) -> Value {
        self.tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect()
    }

    /// The `added_tokens` of `tokenizer.json`: those matched whole in a text, before anything is cut or merged.
    fn added_tokens(&self) -> Value {
        let whole = |kind| matches!(kind, Kind::Unknown | Kind::Control | Kind::UserDefined);
        self.iter()
            .enumerate()
            // An empty token would match everywhere.
            .filter(|(_, (token, kind))| whole(*kind) && !token.is_empty())
            .map(|(id, (token, kind))| {
                json!({
                    "id": id,
                    "content": token,
                    "single_word": false,
                    "lstrip": false,
                    "rstrip": false,
                    "normalized": false,
                    "special": kind != Kind::UserDefined,
                })
            })
            .collect()
    }
}

fn kind(number: i32) -> Kind {
    match number {
        2 => Kind::Unknown,
        3 => Kind::Control,
        4 => Kind::UserDefined,
        6 => Kind::Byte,
        _ => Kind::Piece,
    }
}

fn special_tokens(metadata: &Metadata) -> Result<SpecialTokens, TokenizerError> {
    let id = |name: &str| -> Result<Option<u32>, TokenizerError> {
        let key = format!("tokenizer.ggml.{name}_token_id");
        let Some(id) = metadata.u64(&key)? else {
            return Ok(None);
        };
        u32::try_from(id).map(Some).map_err(|_| TokenizerError::BadValue {
            key,
            expected: "a token id below 2^32".to_owned(),
            found: id.to_string(),
        })
    };
    let mut special =
        SpecialTokens { bos: id("bos")?, unk: id("unknown")?, pad: id("padding")?, ..SpecialTokens::default() };
    for name in ["eos", "eot", "eom"] {
        if let Some(id) = id(name)? {
            special.push_eos(id);
        }
    }
    Ok(special)
}

fn byte_level(
    metadata: &Metadata,
    vocabulary: &Vocabulary<'_>,
    special: &mut SpecialTokens,
) -> Result<Parts, TokenizerError> {
    let pre = pre::find(metadata.str(pre::KEY)?.unwrap_or("default"))?;
    special.add_bos = pre.add_bos && special.bos.is_some();
    let merges = metadata
        .strings(MERGES)?
        .ok_or(TokenizerError::MissingKey { key: MERGES, why: "a byte-level vocabulary is built by merges" })?;
    let mut pairs = Vec::with_capacity(merges.len());
    for merge in merges {
        // The alphabet of these tokens has no blank, so a merge has exactly one.
        let pair =
            merge.split_once(' ').filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains(' '));
        let Some((left, right)) = pair else {
            return Err(TokenizerError::BadValue {
                key: MERGES.to_owned(),
                expected: "two tokens with a blank between them".to_owned(),
                found: format!("{merge:?}"),
            });
        };
        pairs.push(json!([left, right]));
    }
    Ok(Parts {
        normalizer: if pre.nfc { json!({"type": "NFC"}) } else { Value::Null },
        pre_tokenizer: pre.definition(),
        decoder: json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}),
        model: json!({
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": pre.ignore_merges,
            "vocab": vocabulary.definition(),
            "merges": pairs,
        }),
    })
}

fn sentence_piece(
    metadata: &Metadata,
    vocabulary: &Vocabulary<'_>,
    special: &mut SpecialTokens,
) -> Result<Parts, TokenizerError> {
    let scores = metadata
        .f32s(SCORES)?
        .ok_or(TokenizerError::MissingKey { key: SCORES, why: "a SentencePiece vocabulary is merged by scores" })?;
    same_length(SCORES, scores.len(), vocabulary.tokens)?;
    // SentencePiece's own numbers, for files that leave them out.
    special.unk.get_or_insert(0);
    special.bos.get_or_insert(1);
    if special.eos.is_empty() {
        special.push_eos(2);
    }
    special.add_bos = true;
    let unknown = special.unk.and_then(|id| vocabulary.tokens.get(usize::try_from(id).ok()?));
    // Control, unknown and byte tokens are never the result of merging, even where their text would allow it.
    let mergeable: Vec<(&str, f32)> = vocabulary
        .iter()
        .zip(scores)
        .filter(|((_, kind), _)| matches!(kind, Kind::Piece | Kind::UserDefined))
        .map(|((token, _), &score)| (token, score))
        .collect();
    let space = spm::SPACE.to_string();
    let mut normalizers = vec![json!({"type": "Replace", "pattern": {"String": " "}, "content": space})];
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": space}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if metadata.bool("tokenizer.ggml.add_space_prefix")?.unwrap_or(true) {
        normalizers.insert(0, json!({"type": "Prepend", "prepend": space}));
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    Ok(Parts {
        normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
        pre_tokenizer: Value::Null,
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model: json!({
            "type": "BPE",
            "dropout": null,
            "unk_token": unknown,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": true,
            "byte_fallback": true,
            "ignore_merges": false,
            "vocab": vocabulary.definition(),
            "merges": spm::merges(&mergeable)?,
        }),
    })
}

fn same_length(key: &str, found: usize, tokens: &[String]) -> Result<(), TokenizerError> {
    if found == tokens.len() {
        return Ok(());
    }
    Err(TokenizerError::BadValue {
        key: key.to_owned(),
        expected: format!("one value for each of {} tokens", tokens.len()),
        found: found.to_string(),
    })
}
