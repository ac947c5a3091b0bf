//! SentencePiece vocabularies (`llama` in GGUF): from pieces and scores to the merges of a BPE model.
//!
//! SentencePiece joins, again and again, the neighbouring pair whose concatenation is the piece of the highest
//! score, leftmost first. The `tokenizers` crate wants pairs in order of preference, so every way to cut a piece
//! into two pieces becomes a merge, ordered by the piece's score.

use std::collections::HashSet;

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
    let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if two { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// All merges among `pieces` (text, score) in order of preference.
///
/// Higher scores come first; of the cuts of one piece, the one with the longer left part, which is what joining
/// leftmost pairs first leaves behind in runs of one character.
pub(super) fn merges(pieces: &[(&str, f32)]) -> Result<Vec<(String, String)>, TokenizerError> {
    let known: HashSet<&str> = pieces.iter().map(|piece| piece.0).collect();
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
        for (at, _) in text.char_indices().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let (left, right) = text.split_at(at);
            if known.contains(left) && known.contains(right) {
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

    /// SentencePiece's rule, word for word: join the pair with the best score, leftmost first, until none is left.
    fn naive(pieces: &[(&str, f32)], text: &str) -> Vec<String> {
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
    fn merges_by_score_join_what_sentencepiece_joins() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for round in 0..300 {
            // A random vocabulary that can be grown by joining, as a trained one can.
            let mut texts: Vec<String> = ["a", "b", "▁"].map(String::from).to_vec();
            while texts.len() < 14 {
                let pick = |rng: &mut ChaCha8Rng, texts: &[String]| texts[rng.random_range(0..texts.len())].clone();
                let joined = pick(&mut rng, &texts) + &pick(&mut rng, &texts);
                if !texts.contains(&joined) {
                    texts.push(joined);
                }
            }
            // Later pieces score lower, which training guarantees.
            let pieces: Vec<(&str, f32)> =
                (0_u8..).zip(&texts).map(|(n, text)| (text.as_str(), -f32::from(n))).collect();
            for _ in 0..20 {
                let text: String =
                    (0..rng.random_range(1..24)).map(|_| ["a", "b", "▁"][rng.random_range(0..3)]).collect();
                assert_eq!(by_merges(&pieces, &text), naive(&pieces, &text), "round {round}, {pieces:?}, {text}");
            }
        }
    }

    #[test]
    fn bytes_are_read_from_their_pieces_and_long_pieces_refused() {
        assert_eq!(byte_value("<0x0A>"), Some(10));
        assert_eq!(byte_value("<0xff>"), Some(255));
        for not_a_byte in ["<0x0>", "<0x0AB>", "0x0A", "<0xZZ>", "<0x+1>", "<0x>", ""] {
            assert_eq!(byte_value(not_a_byte), None, "{not_a_byte}");
        }
        let long = "a".repeat(LONGEST + 1);
        assert!(merges(&[(&long, 0.0)]).unwrap_err().to_string().contains("1025 bytes"));
    }
}
