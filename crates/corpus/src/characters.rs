//! Characters: which make words, and what they fold to.

use std::sync::LazyLock;

/// Class of a byte of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// An ASCII character that is neither letter nor digit.
    Gap,
    /// An ASCII letter or digit.
    Word,
    /// Part of a character beyond ASCII.
    Beyond,
}

/// The class of each byte.
pub(crate) static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Gap; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte >= 0x80 {
            classes[byte] = Class::Beyond;
        } else if (byte as u8).is_ascii_alphanumeric() {
            classes[byte] = Class::Word;
        }
        byte += 1;
    }
    classes
}

/// The character that `c` folds to: the first of its lower case, and σ for the final ς.
///
/// One for one, so that folding moves no bound of a word: only İ has a longer lower case, i and a dot above.
pub(crate) fn fold(c: char) -> char {
    match c {
        'ς' => 'σ',
        c if c.is_ascii() => c.to_ascii_lowercase(),
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

/// Number of the characters that take up to two bytes: those of most alphabets.
const TWO_BYTES: usize = 0x800;

/// A bit for each of these characters that is a letter or digit: the tables of the standard library are searched.
static WORD_CHARACTERS: LazyLock<[u64; TWO_BYTES / 64]> = LazyLock::new(|| {
    let mut bits = [0; TWO_BYTES / 64];
    for (i, c) in ('\0'..).take(TWO_BYTES).enumerate() {
        bits[i / 64] |= u64::from(c.is_alphanumeric()) << (i % 64);
    }
    bits
});

/// Tells letters and digits from other characters, as [`char::is_alphanumeric`] but faster.
pub(crate) fn is_word_character(c: char) -> bool {
    match u32::from(c) as usize {
        i @ 0..TWO_BYTES => WORD_CHARACTERS[i / 64] >> (i % 64) & 1 == 1,
        0x2000..=0x206f => false, // dashes and quotes
        _ => c.is_alphanumeric(),
    }
}

/// The character at byte `at`, which begins one.
pub(crate) fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// Returns true if neither a letter nor a digit stands before `start` or at `end`.
pub(crate) fn is_bounded(text: &str, start: usize, end: usize) -> bool {
    !is_word_before(text, start) && !is_word_at(text, end)
}

/// Returns true if a letter or digit stands at byte `at`.
fn is_word_at(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at).map(|&byte| CLASSES[usize::from(byte)]) {
        None | Some(Class::Gap) => false,
        Some(Class::Word) => true,
        Some(Class::Beyond) => char_at(text, at).is_some_and(is_word_character),
    }
}

/// Returns true if a letter or digit stands before byte `at`.
fn is_word_before(text: &str, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    match CLASSES[usize::from(text.as_bytes()[before])] {
        Class::Gap => false,
        Class::Word => true,
        Class::Beyond => text[..at].chars().next_back().is_some_and(is_word_character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_words_and_blanks_and_is_done_in_one_step() {
        for c in '\0'..=char::MAX {
            let folded = fold(c);
            assert_eq!(c.is_alphanumeric(), folded.is_alphanumeric(), "{c:?}");
            assert_eq!(c.is_whitespace(), folded.is_whitespace(), "{c:?}");
            assert_eq!(fold(folded), folded, "{c:?}");
        }
    }

    #[test]
    fn words_are_of_the_letters_and_digits_of_unicode() {
        assert!(('\0'..=char::MAX).all(|c| is_word_character(c) == c.is_alphanumeric()));
    }

    #[test]
    fn neighbours_of_a_mention() {
        let text = "éa,b–c";
        assert!(!is_bounded(text, 2, 3));
        assert!(is_bounded(text, 0, 3));
        assert!(is_bounded(text, 4, 5));
        assert!(is_bounded(text, 8, 9));
    }
}
