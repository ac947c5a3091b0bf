//! Hash of a word: its length, its first eight bytes and its last eight, folded if case does not matter.
//!
//! Words that differ only in between share a hash; the pattern is compared in full afterwards.

use crate::characters::fold;
use crate::rules::Case;

/// Multipliers without structure: digits of the golden ratio and of π.
const MULTIPLIERS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0x2438_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];
/// The bit that tells an ASCII capital from its small letter, in each of eight bytes. Digits have it too.
const SMALL: u64 = 0x2020_2020_2020_2020;

/// Hasher of words.
#[derive(Debug, Clone)]
pub(crate) struct WordHasher {
    /// Bits that are set before hashing.
    set: u64,
    folded: String,
}

impl WordHasher {
    /// A hasher for texts of this case.
    pub(crate) fn new(case: Case) -> Self {
        Self { set: if case == Case::Fold { SMALL } else { 0 }, folded: String::new() }
    }

    /// Hash of a word.
    pub(crate) fn hash(&mut self, word: &str) -> u64 {
        if word.is_ascii() { self.hash_ascii(word.as_bytes()) } else { self.hash_beyond(word) }
    }

    /// Hash of a word of ASCII letters and digits.
    #[inline]
    pub(crate) fn hash_ascii(&self, word: &[u8]) -> u64 {
        hash_bytes(word, self.set)
    }

    /// Hash of a word with characters beyond ASCII.
    pub(crate) fn hash_beyond(&mut self, word: &str) -> u64 {
        if self.set == 0 {
            return hash_bytes(word.as_bytes(), 0);
        }
        self.folded.clear();
        self.folded.extend(word.chars().map(fold));
        hash_bytes(self.folded.as_bytes(), self.set)
    }
}

/// Hash of two words that follow each other.
#[inline]
pub(crate) fn hash_pair(first: u64, second: u64) -> u64 {
    mix(first ^ MULTIPLIERS[2], second.rotate_left(32) ^ MULTIPLIERS[0])
}

#[inline]
fn hash_bytes(word: &[u8], set: u64) -> u64 {
    let n = word.len();
    let [head, tail] = match (word.first_chunk(), word.last_chunk()) {
        (Some(&head), Some(&tail)) => [u64::from_le_bytes(head), u64::from_le_bytes(tail)],
        _ => match (word.first_chunk(), word.last_chunk()) {
            (Some(&head), Some(&tail)) => [u32::from_le_bytes(head), u32::from_le_bytes(tail)].map(u64::from),
            _ => match word {
                [] => [0, 0],
                _ => [u64::from(word[0]) << 8 | u64::from(word[n / 2]), u64::from(word[n - 1])],
            },
        },
    };
    mix((head | set) ^ MULTIPLIERS[0], (tail | set) ^ (n as u64).wrapping_mul(MULTIPLIERS[1]))
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
        let mut fold = WordHasher::new(Case::Fold);
        for (a, b) in [("Ab", "aB"), ("PARIS", "paris"), ("Constantinople7", "constantinoplE7"), ("ÉTÉ", "été")] {
            assert_eq!(fold.hash(a), fold.hash(b));
        }
        // The sign for Kelvin folds to the letter k.
        assert_eq!(fold.hash("\u{212a}elvin"), fold.hash("kelvin"));
        let mut exact = WordHasher::new(Case::Exact);
        let words = ["", "a", "A", "ab", "ba", "abc", "abcd", "abcde", "Paris", "paris", "Constantinople", "été"];
        let hashes: std::collections::BTreeSet<u64> = words.iter().map(|word| exact.hash(word)).collect();
        assert_eq!(hashes.len(), words.len());
    }
}
