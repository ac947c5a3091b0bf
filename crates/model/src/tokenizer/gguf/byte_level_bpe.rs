//! Byte-level BPE (`gpt2` in GGUF): takes merges and the name of a pre-tokenizer, gives components of `tokenizer.json`.

use laser_checkpoint::Metadata;
use serde_json::{Value, json};

use super::components::Components;
use super::vocabulary::Vocabulary;
use crate::tokenizer::error::TokenizerError;
use crate::tokenizer::pre_tokenizer;
use crate::tokenizer::special::SpecialTokens;

const MERGES: &str = "tokenizer.ggml.merges";

/// The components of a byte-level BPE; sets in `special` whether a beginning token is added.
pub(super) fn byte_level_bpe(
    metadata: &Metadata,
    vocabulary: &Vocabulary<'_>,
    special: &mut SpecialTokens,
) -> Result<Components, TokenizerError> {
    let pre = pre_tokenizer::find(metadata.str(pre_tokenizer::KEY)?.unwrap_or("default"))?;
    special.add_bos = pre.add_bos && special.bos.is_some();
    let merges = metadata
        .strings(MERGES)?
        .ok_or(TokenizerError::MissingKey { key: MERGES, why: "a byte-level vocabulary is built by merges" })?;
    let mut pairs = Vec::with_capacity(merges.len());
    for merge in merges {
        // Byte-level tokens spell a space as another character, so the only space separates the two tokens.
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
    Ok(Components {
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
