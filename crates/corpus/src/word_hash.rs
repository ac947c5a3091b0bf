//! Hash of a word: its length, its first eight bytes and its last eight, which are the same bytes in a shorter word;
//! folded if case does not matter.
//!
//! Words that differ only in between share a hash; the pattern is compared in full afterwards.

use crate::characters::fold;
use crate::rules::Case;

/// Multipliers without structure: digits of the golden ratio and of π.
const MULTIPLIERS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0x2438_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];
/// The bit that tells an ASCII capital from its small letter, in each of eight bytes. Digits have it too.
const SMALL: u64 = 0x2020_2020_2020_2020;

/// Hasher of words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WordHasher {
    /// Bits that are set before hashing.
    set: u64,
}

impl WordHasher {
    /// A hasher for texts of this case.
    pub(crate) fn new(case: Case) -> Self {
        Self { set: if case == Case::Fold { SMALL } else { 0 } }
    }

    /// Hash of a word.
    pub(crate) fn hash(self, word: &str) -> u64 {
        if word.is_ascii() { self.hash_ascii(word.as_bytes(), 0, word.len()) } else { self.hash_beyond(word) }
    }

    /// Hash of the word of ASCII letters and digits at `start..end` of `text`, which is not empty.
    #[inline]
    pub(crate) fn hash_ascii(self, text: &[u8], start: usize, end: usize) -> u64 {
        let length = end - start;
        // Both reads are made whatever the length, because a branch on it would often be guessed wrong.
        self.finish(eight_bytes(text, start), eight_bytes(text, start.max(end.saturating_sub(8))), length)
    }

    /// Hash of a word with characters beyond ASCII.
    pub(crate) fn hash_beyond(self, word: &str) -> u64 {
        if self.set == 0 {
            return self.hash_ascii(word.as_bytes(), 0, word.len());
        }
        let (mut head, mut tail, mut length) = (0, 0, 0);
        for c in word.chars() {
            for &byte in fold(c).encode_utf8(&mut [0; 4]).as_bytes() {
                if length < 8 {
                    head |= u64::from(byte) << (8 * length);
                }
                tail = tail >> 8 | u64::from(byte) << 56;
                length += 1;
            }
        }
        self.finish(head, if length > 8 { tail } else { head }, length)
    }

    /// The hash from the first eight bytes and the last eight of a word, and its length; in a shorter word, both are the
    /// bytes from its start and go on after it.
    #[inline]
    fn finish(self, head: u64, tail: u64, length: usize) -> u64 {
        let kept = u64::MAX >> (64 - 8 * length.clamp(1, 8));
        let [head, tail] = [head, tail].map(|bytes| (bytes | self.set) & kept);
        mix(head ^ MULTIPLIERS[0], tail ^ (length as u64).wrapping_mul(MULTIPLIERS[1]))
    }
}

/// The eight bytes of `text` at `at` as a number; zeros after the end of the text.
#[inline]
fn eight_bytes(text: &[u8], at: usize) -> u64 {
    match text.get(at..at + 8) {
        Some(bytes) => u64::from_le_bytes(bytes.try_into().expect("eight bytes")),
        None => text[at..].iter().rev().fold(0, |read, &byte| read << 8 | u64::from(byte)),
    }
}

/// Hash of words that follow one another, from that of all but the last and that of the last.
#[inline]
pub(crate) fn hash_next(words: u64, next: u64) -> u64 {
    mix(words ^ MULTIPLIERS[2], next.rotate_left(32) ^ MULTIPLIERS[0])
}

#[inline]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_words_share_a_hash_and_others_do_not() {
        let fold = WordHasher::new(Case::Fold);
        for (a, b) in [
            ("Ab", "aB"),
            ("PARIS", "paris"),
            ("Constantinople7", "constantinoplE7"),
            ("ÉTÉ", "été"),
            ("ÉLÉMENTAIRES", "élémentaires"),
        ] {
            assert_eq!(fold.hash(a), fold.hash(b));
        }
        // The sign for Kelvin folds to the letter k.
        assert_eq!(fold.hash("\u{212a}elvin"), fold.hash("kelvin"));
        assert_eq!(fold.hash("\u{212a}elvin\u{212a}elvin"), fold.hash("kelvinkelvin"));
        let exact = WordHasher::new(Case::Exact);
        let words = ["a", "A", "ab", "ba", "abc", "abcdefgh", "abcdefghi", "Paris", "paris", "Constantinople", "été"];
        let hashes: std::collections::BTreeSet<u64> = words.iter().map(|word| exact.hash(word)).collect();
        assert_eq!(hashes.len(), words.len());
    }

    #[test]
    fn a_hash_depends_on_nothing_around_the_word() {
        let hasher = WordHasher::new(Case::Fold);
        let text = b"xx Paris yyyyyyyy Constantinople";
        assert_eq!(hasher.hash_ascii(text, 3, 8), hasher.hash("paris"));
        assert_eq!(hasher.hash_ascii(text, 18, 32), hasher.hash("constantinople"));
        assert_eq!(hasher.hash_ascii(text, 28, 32), hasher.hash("ople"));
    }
}
