//! Matcher of names anywhere in a text: an Aho–Corasick automaton over the canonical text.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::canonical::append_canonical;
use crate::characters::is_bounded;
use crate::error::{Error, Result};
use crate::mention::Mention;
use crate::rules::{Bounds, Case};
use crate::words::for_each_word;

/// Matcher of names anywhere in a text.
#[derive(Debug)]
pub(crate) struct SubstringMatcher {
    automaton: AhoCorasick,
    /// Index of the name of each pattern.
    names: Vec<u32>,
    case: Case,
    bounds: Bounds,
}

/// Memory of a search, kept from one document to the next.
#[derive(Debug, Default)]
pub(crate) struct SubstringBuffers {
    canonical: String,
    /// Start and end of each word, in bytes.
    words: Vec<[usize; 2]>,
}

impl SubstringMatcher {
    /// A matcher of the names with these indices.
    pub(crate) fn new(all: &[String], names: Vec<u32>, case: Case, bounds: Bounds) -> Result<Self> {
        let patterns = names.iter().map(|&name| &all[name as usize]);
        // The contiguous automaton: the faster one of tables takes 200 MB for 21,000 names.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns)
            .map_err(|e| Error::setting("names", format!("expected names that fit one automaton, found: {e}")))?;
        Ok(Self { automaton, names, case, bounds })
    }

    /// Appends the mentions in `text`, which is in NFC, to `mentions`; gives the number of words.
    pub(crate) fn find(&self, text: &str, buffers: &mut SubstringBuffers, mentions: &mut Vec<Mention>) -> u32 {
        let SubstringBuffers { canonical, words } = buffers;
        canonical.clear();
        append_canonical(text, self.case, canonical);
        words.clear();
        for_each_word(canonical, |start, end, _| words.push([start, end]));
        for found in self.automaton.find_overlapping_iter(canonical.as_str()) {
            let [start, end] = [found.start(), found.end()];
            if self.bounds == Bounds::Any || is_bounded(canonical, start, end) {
                let last = words.partition_point(|word| word[0] < end).saturating_sub(1);
                let first = words.partition_point(|word| word[1] <= start).min(last);
                let name = self.names[found.pattern().as_usize()];
                mentions.push(Mention { name, first_word: word_number(first), last_word: word_number(last) });
            }
        }
        word_number(words.len())
    }
}

/// A number of words; a document has fewer than 2³².
fn word_number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
