//! Index of patterns by the hash of their first word, or of their first two if they have more than one.
//!
//! A filter of bits comes first: most words of a text begin no name, and the filter fits into the cache where the table
//! does not.

use crate::pattern::Pattern;
use crate::word_hash::hash_pair;

/// Bits of the filter for each key, so that about one other word in sixteen passes.
const BITS_PER_KEY: usize = 16;

/// Names that begin with a word or with two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    key: u64,
    /// Range of the entry in [`WordIndex::names`].
    start: u32,
    len: u32,
    /// Whether a name of more words begins with this word.
    pub(crate) continues: bool,
}

/// Index of patterns by their first words.
#[derive(Debug)]
pub(crate) struct WordIndex {
    filter: Vec<u64>,
    /// Shift that leaves the number of a bit of the filter.
    filter_shift: u32,
    /// Table with open addressing; its length is a power of two.
    table: Vec<Option<Entry>>,
    /// Indices of patterns, grouped by entry.
    names: Vec<u32>,
}

impl WordIndex {
    /// An index of `patterns`, each with its number.
    pub(crate) fn new(patterns: &[(u32, Pattern)]) -> Self {
        let mut keys: Vec<(u64, Option<u32>)> = Vec::with_capacity(2 * patterns.len());
        for (place, (_, pattern)) in (0..).zip(patterns) {
            match pattern.second {
                // The first word alone leads to no pattern, but says that one may follow.
                Some(second) => keys.extend([(pattern.first, None), (hash_pair(pattern.first, second), Some(place))]),
                None => keys.push((pattern.first, Some(place))),
            }
        }
        keys.sort_unstable();
        let bits = (keys.len() * BITS_PER_KEY).next_power_of_two().max(64);
        let slots = (2 * keys.len()).next_power_of_two().max(2);
        let mut index = Self {
            filter: vec![0; bits / 64],
            filter_shift: 64 - bits.trailing_zeros(),
            table: vec![None; slots],
            names: Vec::with_capacity(patterns.len()),
        };
        for group in keys.chunk_by(|a, b| a.0 == b.0) {
            let start = index.names.len();
            index.names.extend(group.iter().filter_map(|(_, place)| *place));
            let length = |n: usize| u32::try_from(n).expect("patterns are numbered with 32 bits");
            index.insert(Entry {
                key: group[0].0,
                start: length(start),
                len: length(index.names.len() - start),
                continues: group[0].1.is_none(),
            });
        }
        index
    }

    fn insert(&mut self, entry: Entry) {
        let bit = entry.key >> self.filter_shift;
        self.filter[(bit / 64) as usize] |= 1 << (bit % 64);
        let mask = self.table.len() - 1;
        let mut slot = entry.key as usize & mask;
        while self.table[slot].is_some() {
            slot = (slot + 1) & mask;
        }
        self.table[slot] = Some(entry);
    }

    /// The entry of a hash.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<Entry> {
        let bit = key >> self.filter_shift;
        if self.filter[(bit / 64) as usize] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let mask = self.table.len() - 1;
        let mut slot = key as usize & mask;
        // At least half of the slots are empty, so the search ends.
        while let Some(entry) = self.table[slot] {
            if entry.key == key {
                return Some(entry);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    /// Places of an entry's patterns in the list that the index was made of.
    pub(crate) fn places(&self, entry: Entry) -> &[u32] {
        &self.names[entry.start as usize..][..entry.len as usize]
    }
}
