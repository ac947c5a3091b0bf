//! Ids of tokens in a `tokenizer.json` document: those that no vocabulary of its size can have, and those that the
//! tokenizer does not give.

use serde_json::Value;

use super::error::TokenizerError;

/// Ids may have gaps, but not more than this many for each token.
const GAPS: u64 = 1024;

/// Rejects a token whose id is far beyond the number of tokens. Ids are counted on from the largest one, and tables of
/// texts are sized by them.
///
/// # Errors
/// [`TokenizerError::IdTooLarge`].
pub(super) fn check_ids(definition: &Value) -> Result<(), TokenizerError> {
    let added = definition["added_tokens"].as_array().map_or(&[][..], Vec::as_slice);
    let vocabulary = definition["model"]["vocab"].as_object();
    let count = added.len() + vocabulary.map_or(0, serde_json::Map::len) + list_length(&definition["model"]["vocab"]);
    let limit = (count as u64).saturating_add(1).saturating_mul(GAPS).min(u64::from(u32::MAX / 2));
    let added = added.iter().map(|entry| (entry["content"].as_str().unwrap_or_default(), &entry["id"]));
    let vocabulary = vocabulary.into_iter().flatten().map(|(token, id)| (token.as_str(), id));
    for (token, id) in added.chain(vocabulary) {
        // Negative and broken ids are the parser's to reject; so are missing ones.
        if id.is_number() && id.as_u64().is_none_or(|id| id >= limit) {
            return Err(TokenizerError::IdTooLarge { token: token.to_owned(), id: id.to_string(), limit });
        }
    }
    Ok(())
}

/// Number of tokens of a vocabulary that is a list, whose ids are the places in the list.
fn list_length(vocabulary: &Value) -> usize {
    vocabulary.as_array().map_or(0, Vec::len)
}

/// Texts and ids of the added tokens.
pub(super) fn added_tokens(definition: &Value) -> Vec<(String, u64)> {
    let added = definition["added_tokens"].as_array().into_iter().flatten();
    added.filter_map(|entry| Some((entry["content"].as_str()?.to_owned(), entry["id"].as_u64()?))).collect()
}

/// Sentences about added tokens that the tokenizer gives another id than the file says. It counts them on from the end of
/// the vocabulary, and so does the Python library: a gap in the file moves all later ones.
pub(super) fn moved_tokens(added: &[(String, u64)], tokenizer: &tokenizers::Tokenizer) -> Option<String> {
    let actual = |token: &str| tokenizer.token_to_id(token).map(u64::from);
    let mut moved =
        added.iter().filter_map(|(token, id)| Some((token, *id, actual(token)?))).filter(|(_, a, b)| a != b);
    let (token, id, actual) = moved.next()?;
    let more = match moved.count() {
        0 => String::new(),
        more => format!(", and {more} more tokens have other ids, too"),
    };
    Some(format!(
        "tokenizer.json: the added token {token:?} has the id {actual}, not {id}, as in Hugging Face's library{more}"
    ))
}
