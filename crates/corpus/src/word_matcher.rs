//! Matcher of names between word bounds: hashes each word of a text and follows the names that go on with it.
//!
//! A mention ends where a word ends, so the words of the name are words of the text, and places in words need no second
//! pass. A name is compared with the text only when the hashes of all its words are those of the text.

use crate::characters::is_bounded;
use crate::mention::Mention;
use crate::pattern::Pattern;
use crate::rules::Case;
use crate::word_hash::{WordHasher, hash_next};
use crate::word_index::{Node, WordIndex};
use crate::words::for_each_word;

/// Matcher of names between word bounds.
#[derive(Debug)]
pub(crate) struct WordMatcher {
    index: WordIndex,
    hasher: WordHasher,
    folds: bool,
}

/// Words that may go on to a longer name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    /// Byte of the first word.
    start: usize,
    /// Number of the first word.
    first_word: u32,
    /// Hash of the words so far.
    hash: u64,
}

impl WordMatcher {
    /// A matcher of canonical names; also gives the indices of the names without a word, which it cannot find.
    pub(crate) fn new(names: &[String], case: Case) -> (Self, Vec<u32>) {
        let mut patterns = Vec::with_capacity(names.len());
        let mut wordless = Vec::new();
        for (index, name) in (0..).zip(names) {
            match Pattern::new(name) {
                Some(pattern) => patterns.push((index, pattern)),
                None => wordless.push(index),
            }
        }
        let hasher = WordHasher::new(case);
        let index = WordIndex::new(patterns, hasher);
        (Self { index, hasher, folds: case == Case::Fold }, wordless)
    }

    /// Hands the mentions in `text`, which is in NFC, to `visit` in the order of their last words; gives the number of
    /// words. `begun` is memory that is kept from one text to the next.
    pub(crate) fn find(&self, text: &str, begun: &mut Vec<Begun>, visit: &mut impl FnMut(Mention)) -> u32 {
        begun.clear();
        let mut words = 0_u32;
        for_each_word(text, |start, end, is_ascii| {
            let hash = match is_ascii {
                true => self.hasher.hash_ascii(text.as_bytes(), start, end),
                false => self.hasher.hash_beyond(&text[start..end]),
            };
            if !begun.is_empty() {
                begun.retain_mut(|begun| {
                    begun.hash = hash_next(begun.hash, hash);
                    self.index.may_go_on(begun.hash) && self.reach(text, *begun, words, visit)
                });
            }
            if self.index.may_begin(hash) {
                let first = Begun { start, first_word: words, hash };
                if self.reach(text, first, words, visit) {
                    begun.push(first);
                }
            }
            words = words.saturating_add(1);
        });
        words
    }

    /// Hands the names that are the words `begun` and are in the text to `visit`; gives whether longer names begin so.
    #[inline]
    fn reach(&self, text: &str, begun: Begun, last_word: u32, visit: &mut impl FnMut(Mention)) -> bool {
        let Some(node) = self.index.get(begun.hash) else { return false };
        self.compare(text, begun, node, last_word, visit);
        node.continues
    }

    fn compare(&self, text: &str, begun: Begun, node: Node, last_word: u32, visit: &mut impl FnMut(Mention)) {
        for (name, pattern) in self.index.patterns(node) {
            if let Some([start, end]) = pattern.range_at(text, begun.start, self.folds)
                && is_bounded(text, start, end)
            {
                visit(Mention { name: *name, first_word: begun.first_word, last_word });
            }
        }
    }
}
