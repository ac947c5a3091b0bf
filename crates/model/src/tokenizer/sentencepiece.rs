//! SentencePiece vocabularies (`llama` in GGUF): takes pieces and scores, gives the merges of a BPE model.
//!
//! SentencePiece repeatedly joins the two neighbouring pieces whose concatenation is the piece of the highest score,
//! the leftmost pair first. The `tokenizers` crate needs a list of pairs in order of preference instead. So every way
//! to cut a piece into two pieces becomes a merge, and the merges are ordered by the piece's score.

use std::collections::HashSet;

use super::error::TokenizerError;

/// Character that replaces a space inside pieces: `▁`.
pub(super) const SPACE: char = '\u{2581}';

/// Longest piece that is accepted, in bytes; real ones have a few dozen.
///
/// Trying all cuts of a piece of n bytes takes n² steps, so a hostile file must not choose n.
const LONGEST_PIECE: usize = 1024;

/// Most bytes of merges for each byte of the pieces; real vocabularies have two or three. A vocabulary of `a`, `aa`,
/// `aaa` and so on would have as many merges as pairs of pieces.
const MERGE_BYTES: usize = 16;
/// Bytes of merges that any vocabulary may have.
const FREE_MERGE_BYTES: usize = 1 << 20;

/// Byte of a byte piece such as `<0x0A>`; `None` for other pieces.
pub(super) fn byte_value(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if two { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// All merges among `pieces` (text, score) in order of preference: higher scores first, and among the cuts of one piece
/// the longer left part first. In a run of one character, joining leftmost pairs first makes the left part longer.
///
/// # Errors
/// [`TokenizerError::BadValue`] for a piece longer than [`LONGEST_PIECE`] bytes, or more merges than [`MERGE_BYTES`] allow.
pub(super) fn merges(pieces: &[(&str, f32)]) -> Result<Vec<(String, String)>, TokenizerError> {
    let known: HashSet<&str> = pieces.iter().map(|piece| piece.0).collect();
    let mut order: Vec<&(&str, f32)> = pieces.iter().collect();
    // A stable sort, so that equal scores keep the order of the vocabulary.
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total: usize = pieces.iter().map(|(text, _)| text.len()).sum();
    let mut bytes_left = total.saturating_mul(MERGE_BYTES).saturating_add(FREE_MERGE_BYTES);
    let mut merges = Vec::new();
    for (text, _) in order {
        if text.len() > LONGEST_PIECE {
            return Err(TokenizerError::BadValue {
                key: "tokenizer.ggml.tokens".to_owned(),
                expected: format!("pieces of at most {LONGEST_PIECE} bytes"),
                found: format!("one of {} bytes", text.len()),
            });
        }
        for (at, _) in text.char_indices().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let (left, right) = text.split_at(at);
            if known.contains(left) && known.contains(right) {
                bytes_left = bytes_left.checked_sub(text.len()).ok_or_else(|| TokenizerError::BadValue {
                    key: "tokenizer.ggml.tokens".to_owned(),
                    expected: format!("merges of at most {MERGE_BYTES} times the bytes of the tokens"),
                    found: format!("more than {} merges of {} tokens", merges.len(), pieces.len()),
                })?;
                merges.push((left.to_owned(), right.to_owned()));
            }
        }
    }
    Ok(merges)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use tokenizers::Model;
    use tokenizers::models::bpe::BPE;

    use super::*;

    /// Reference implementation: join the pair with the best score, the leftmost first, until no pair is a piece.
    fn join_pairs(pieces: &[(&str, f32)], text: &str) -> Vec<String> {
        let score = |text: &str| pieces.iter().find(|piece| piece.0 == text).map(|piece| piece.1);
        let mut parts: Vec<String> = text.chars().map(String::from).collect();
        loop {
            let mut best: Option<(f32, usize)> = None;
            for at in 1..parts.len() {
                let joined = score(&format!("{}{}", parts[at - 1], parts[at]));
                if let Some(found) = joined
                    && best.is_none_or(|(best, _)| found > best)
                {
                    best = Some((found, at));
                }
            }
            let Some((_, at)) = best else { return parts };
            let right = parts.remove(at);
            parts[at - 1].push_str(&right);
        }
    }

    /// The pieces of `text` by the merges under test.
    fn by_merges(pieces: &[(&str, f32)], text: &str) -> Vec<String> {
        let vocab: serde_json::Map<_, _> =
            (0..).zip(pieces).map(|(id, piece)| (piece.0.to_owned(), id.into())).collect();
        let merges = merges(pieces).unwrap();
        let model = serde_json::json!({"type": "BPE", "vocab": vocab, "merges": merges});
        let model: BPE = serde_json::from_str(&model.to_string()).unwrap();
        let tokens = model.tokenize(text).unwrap();
        tokens.into_iter().map(|token| token.value).collect()
    }

    #[test]
    fn a_vocabulary_made_to_have_too_many_merges_is_refused() {
        let texts: Vec<String> = (1..=LONGEST_PIECE).map(|length| "a".repeat(length)).collect();
        let pieces: Vec<(&str, f32)> = texts.iter().map(|text| (text.as_str(), 0.0)).collect();
        let error = merges(&pieces).unwrap_err().to_string();
        assert!(error.contains("tokenizer.ggml.tokens") && error.contains("1024 tokens"), "{error}");
        // Rows of spaces, which real vocabularies have, are few enough.
        assert_eq!(merges(&pieces[..64]).unwrap().len(), (0..64).sum::<usize>());
        let long = "b".repeat(LONGEST_PIECE + 1);
        assert!(merges(&[(&long, 0.0)]).unwrap_err().to_string().contains("1025 bytes"));
    }

    #[test]
    fn merges_give_the_same_pieces_as_joining_pairs() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for round in 0..300 {
            // A random vocabulary in which every piece is the concatenation of two others, as in a trained one.
            let mut texts: Vec<String> = ["a", "b", "▁"].map(String::from).to_vec();
            while texts.len() < 14 {
                let pick = |rng: &mut ChaCha8Rng, texts: &[String]| texts[rng.random_range(0..texts.len())].clone();
                let joined = pick(&mut rng, &texts) + &pick(&mut rng, &texts);
                if !texts.contains(&joined) {
                    texts.push(joined);
                }
            }
            // Later pieces have lower scores, as in a trained vocabulary.
            let pieces: Vec<(&str, f32)> =
                (0_u8..).zip(&texts).map(|(n, text)| (text.as_str(), -f32::from(n))).collect();
            for _ in 0..20 {
                let text: String =
                    (0..rng.random_range(1..24)).map(|_| ["a", "b", "▁"][rng.random_range(0..3)]).collect();
                assert_eq!(by_merges(&pieces, &text), join_pairs(&pieces, &text), "round {round}, {pieces:?}, {text}");
            }
        }
    }

    #[test]
    fn byte_pieces_are_read_and_long_pieces_refused() {
        assert_eq!(byte_value("<0x0A>"), Some(10));
        assert_eq!(byte_value("<0xff>"), Some(255));
        for not_a_byte in ["<0x0>", "<0x0AB>", "0x0A", "<0xZZ>", "<0x+1>", "<0x>", ""] {
            assert_eq!(byte_value(not_a_byte), None, "{not_a_byte}");
        }
        let long = "a".repeat(LONGEST_PIECE + 1);
        assert!(merges(&[(&long, 0.0)]).unwrap_err().to_string().contains("1025 bytes"));
    }
}
