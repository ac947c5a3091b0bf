//! Repetition: finds texts that say the same words again and again.

/// Number of times in a row that words must stand to count as a repetition.
const TIMES: usize = 3;
/// Largest number of words that are repeated as one.
const LONGEST: usize = 4;

/// Detects one to four words that stand three times in a row, as in `the the the` or `it is it is it is`. Words are
/// separated by white space; case and punctuation at a word's ends do not count.
pub fn repeats_itself(text: &str) -> bool {
    let bare = |word: &str| word.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase();
    let words: Vec<String> = text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    (1..=LONGEST).any(|length| {
        words.windows(TIMES * length).any(|window| window.chunks_exact(length).all(|part| *part == window[..length]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_must_stand_three_times_in_a_row() {
        for text in
            ["the the the", "Paris, paris. Paris", "a b a b a b c", "in the city of in the city of in the city of"]
        {
            assert!(repeats_itself(text), "{text}");
        }
        for text in ["", "the the", "a b a b a c", "New York, New York", "- - - -", "one two one three one four"] {
            assert!(!repeats_itself(text), "{text}");
        }
    }
}
