//! Matcher of names between word bounds: hashes each word of a text and compares the names that begin with it.
//!
//! A name of several words is looked up by the hash of its first two, because many names share a first word such as
//! "The" or "John". A mention must end where a word ends, so the words of the name are the words of the text, and places
//! in words need no second pass.

use crate::characters::{CLASSES, Class, char_at, is_bounded};
use crate::mention::Mention;
use crate::pattern::Pattern;
use crate::rules::Case;
use crate::word_hash::{WordHasher, hash_pair};
use crate::word_index::{Entry, WordIndex};

/// Matcher of names between word bounds.
#[derive(Debug)]
pub(crate) struct WordMatcher {
    /// Patterns with the index of their names.
    patterns: Vec<(u32, Pattern)>,
    index: WordIndex,
    hasher: WordHasher,
    folds: bool,
}

/// The word before the current one, if names of several words begin with it.
#[derive(Debug, Clone, Copy)]
struct Begun {
    start: usize,
    hash: u64,
}

impl WordMatcher {
    /// A matcher of canonical names; also gives the indices of the names without a word, which it cannot find.
    pub(crate) fn new(names: &[String], case: Case) -> (Self, Vec<u32>) {
        let mut hasher = WordHasher::new(case);
        let mut patterns = Vec::with_capacity(names.len());
        let mut wordless = Vec::new();
        for (index, name) in (0..).zip(names) {
            match Pattern::new(name, &mut hasher) {
                Some(pattern) => patterns.push((index, pattern)),
                None => wordless.push(index),
            }
        }
        let index = WordIndex::new(&patterns);
        (Self { patterns, index, hasher, folds: case == Case::Fold }, wordless)
    }

    /// Hands the mentions in `text`, which is in NFC, to `visit` in the order of their first words; gives the number of
    /// words.
    pub(crate) fn find(&self, text: &str, visit: &mut impl FnMut(Mention)) -> u32 {
        let mut hasher = self.hasher.clone();
        let bytes = text.as_bytes();
        let mut words = 0_u32;
        let mut begun: Option<Begun> = None;
        let mut i = 0;
        while let Some(start) = next_word(text, i) {
            let (end, is_ascii) = end_of_word(text, start);
            i = end;
            let word = words;
            words = words.saturating_add(1);
            let hash =
                if is_ascii { hasher.hash_ascii(&bytes[start..end]) } else { hasher.hash_beyond(&text[start..end]) };
            if let Some(Begun { start, hash: first }) = begun.take()
                && let Some(entry) = self.index.get(hash_pair(first, hash))
            {
                self.compare(text, start, entry, word.saturating_sub(1), visit);
            }
            if let Some(entry) = self.index.get(hash) {
                self.compare(text, start, entry, word, visit);
                begun = entry.continues.then_some(Begun { start, hash });
            }
        }
        words
    }

    /// Hands the names of `entry` that are in the text to `visit`, their first word at byte `at`.
    fn compare(&self, text: &str, at: usize, entry: Entry, first_word: u32, visit: &mut impl FnMut(Mention)) {
        for &place in self.index.places(entry) {
            let (name, pattern) = &self.patterns[place as usize];
            if let Some([start, end]) = pattern.range_at(text, at, self.folds)
                && is_bounded(text, start, end)
            {
                let last_word = first_word.saturating_add(pattern.words - 1);
                visit(Mention { name: *name, first_word, last_word });
            }
        }
    }
}

/// Start of the first word at or after byte `from`.
#[inline]
pub(crate) fn next_word(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut i = from;
    loop {
        match CLASSES[usize::from(*bytes.get(i)?)] {
            Class::Gap => i += 1,
            Class::Word => return Some(i),
            Class::Beyond => {
                let c = char_at(text, i)?;
                if c.is_alphanumeric() {
                    return Some(i);
                }
                i += c.len_utf8();
            }
        }
    }
}

/// End of the word at byte `start`, and whether it is ASCII.
#[inline]
pub(crate) fn end_of_word(text: &str, start: usize) -> (usize, bool) {
    let bytes = text.as_bytes();
    let mut i = start;
    let mut is_ascii = true;
    while let Some(&byte) = bytes.get(i) {
        match CLASSES[usize::from(byte)] {
            Class::Gap => break,
            Class::Word => i += 1,
            Class::Beyond => match char_at(text, i) {
                Some(c) if c.is_alphanumeric() => {
                    is_ascii = false;
                    i += c.len_utf8();
                }
                _ => break,
            },
        }
    }
    (i, is_ascii)
}
