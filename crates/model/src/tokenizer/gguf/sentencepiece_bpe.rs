//! SentencePiece BPE (`llama` in GGUF): takes pieces and their scores, gives components of `tokenizer.json`.

use laser_checkpoint::Metadata;
use serde_json::{Value, json};

use super::components::Components;
use super::vocabulary::{TokenKind, Vocabulary};
use crate::tokenizer::error::TokenizerError;
use crate::tokenizer::sentencepiece::{SPACE, merges};
use crate::tokenizer::special::SpecialTokens;

const SCORES: &str = "tokenizer.ggml.scores";

/// The components of a SentencePiece BPE; sets in `special` the ids that SentencePiece has by default.
pub(super) fn sentencepiece_bpe(
    metadata: &Metadata,
    vocabulary: &Vocabulary<'_>,
    special: &mut SpecialTokens,
) -> Result<Components, TokenizerError> {
    let scores = metadata
        .f32s(SCORES)?
        .ok_or(TokenizerError::MissingKey { key: SCORES, why: "a SentencePiece vocabulary is merged by scores" })?;
    vocabulary.check_length(SCORES, scores.len())?;
    // SentencePiece's default ids, for files without these keys.
    special.unk.get_or_insert(0);
    special.bos.get_or_insert(1);
    if special.eos.is_empty() {
        special.push_eos(2);
    }
    special.add_bos = true;
    let unknown = special.unk.and_then(|id| vocabulary.tokens.get(usize::try_from(id).ok()?));
    // Control, unknown and byte tokens never result from merging, even if two tokens spell their text.
    let mergeable: Vec<(&str, f32)> = vocabulary
        .iter()
        .zip(scores)
        .filter(|((_, kind), _)| matches!(kind, TokenKind::Piece | TokenKind::UserDefined))
        .map(|((token, _), &score)| (token, score))
        .collect();
    let space = SPACE.to_string();
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
    Ok(Components {
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
            "merges": merges(&mergeable)?,
        }),
    })
}
