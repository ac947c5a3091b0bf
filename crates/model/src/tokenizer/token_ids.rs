//! Token ids of a `tokenizer.json` document: they may not leave gaps out of proportion to the vocabulary.

use serde_json::Value;

use super::error::TokenizerError;

/// Ids that a vocabulary may leave out, besides as many as it has tokens. Vocabularies cut down to a few tokens keep the
/// ids of the whole one, of which the largest have a quarter of a million.
const LARGEST_GAP: u64 = 1 << 20;

/// Checks the ids of vocabulary and added tokens. The `tokenizers` crate counts through all ids up to the largest, and
/// keeps a list of those without a token, so that one id of 4 billion would take 16 GB.
///
/// # Errors
/// [`TokenizerError::Definition`], which names the token.
pub(super) fn check(definition: &Value) -> Result<(), TokenizerError> {
    let vocabulary = definition["model"]["vocab"].as_object();
    let added = definition["added_tokens"].as_array();
    let tokens = vocabulary.map_or(0, serde_json::Map::len) + added.map_or(0, Vec::len);
    let limit = LARGEST_GAP + 2 * tokens as u64;
    let in_vocabulary = vocabulary.into_iter().flatten().map(|(token, id)| (token.as_str(), id));
    let in_added =
        added.into_iter().flatten().map(|entry| (entry["content"].as_str().unwrap_or_default(), &entry["id"]));
    match in_vocabulary.chain(in_added).find(|(_, id)| id.as_u64().is_some_and(|id| id >= limit)) {
        None => Ok(()),
        Some((token, id)) => Err(TokenizerError::Definition(format!(
            "token {token:?}: expected an id below {limit}, because there are {tokens} tokens, found {id}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_far_beyond_the_vocabulary_are_refused() {
        let definition =
            |vocabulary: Value, added: Value| json!({"model": {"vocab": vocabulary}, "added_tokens": added});
        let added = |id: u64| json!([{"id": id, "content": "<s>"}]);
        for sound in [
            definition(json!({"a": 0, "b": 262_144}), added(1)),
            definition(json!({"a": 0}), added(151_645)),
            definition(json!([["a", 0.0]]), json!([])),
            json!({}),
        ] {
            check(&sound).expect("in proportion");
        }
        for (damaged, token) in [
            (definition(json!({"a": 0, "b": 2_147_483_647u64}), json!([])), "\"b\""),
            (definition(json!({"a": 0}), added(4_294_967_295)), "\"<s>\""),
            (definition(json!({"a": 2_000_000}), Value::Null), "\"a\""),
            (definition(json!([["a", 0.0]]), added(1 << 21)), "\"<s>\""),
        ] {
            let error = check(&damaged).expect_err(token).to_string();
            assert!(error.contains(token) && error.contains("expected an id below 10485"), "{error}");
        }
    }
}
