//! SentencePiece vocabularies (`llama` in GGUF): from pieces and scores to the merges of a BPE model.
//!
//! SentencePiece joins, again and again, the neighbouring pair whose concatenation is the piece of the highest
//! score, leftmost first. The `tokenizers` crate wants pairs in order of preference, so every way to cut a piece
//! into two pieces becomes a merge, ordered by the piece's score.

use std::collections::HashMap;

use super::TokenizerError;

/// The character that stands for a space inside pieces.
pub(super) const SPACE: char = '\u{2581}';

/// Longest piece that may result from merging, in bytes; real ones have a few dozen.
///
/// All cuts of a piece of n bytes cost n² byte steps, so a file must not choose n.
const LONGEST: usize = 1024;

/// The byte that a piece such as `<0x0A>` stands for.
pub(super) fn byte_value(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2)
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// All merges among `pieces` (text, score) in order of preference.
///
/// Higher scores come first; of the cuts of one piece, the one with the longer left part, which is what joining
/// leftmost pairs first leaves behind in runs of one character.
pub(super) fn merges(pieces: &[(&str, f32)]) -> Result<Vec<(String, String)>, TokenizerError> {
    let known: HashMap<&str, ()> = pieces.iter().map(|&(text, _)| (text, ())).collect();
    let mut order: Vec<&(&str, f32)> = pieces.iter().collect();
    // Stable, so that equal scores keep the order of the vocabulary.
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut merges = Vec::new();
    for (text, _) in order {
        if text.len() > LONGEST {
            return Err(TokenizerError::BadValue {
                key: "tokenizer.ggml.tokens".to_owned(),
                expected: format!("pieces of at most {LONGEST} bytes"),
                found: format!("one of {} bytes", text.len()),
            });
        }
        for (at, _) in text
            .char_indices()
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            let (left, right) = text.split_at(at);
            if known.contains_key(left) && known.contains_key(right) {
                merges.push((left.to_owned(), right.to_owned()));
            }
        }
    }
    Ok(merges)
}
