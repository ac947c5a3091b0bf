//! Index of patterns by the hashes of their words: a tree whose edges are words, kept in one table.
//!
//! A filter of bits comes before the first word: most words of a text begin no name, and the filter fits into the cache
//! where the table does not.

use crate::pattern::Pattern;
use crate::word_hash::{WordHasher, hash_next};

/// Bits of the filter for each first word, so that about one other word in sixteen passes.
const BITS_PER_WORD: usize = 16;

/// Words from the start of a name, as a node of the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Start and end of the names that are these words, in [`WordIndex::names`].
    start: u32,
    end: u32,
    /// True if longer names begin with these words.
    pub(crate) continues: bool,
}

/// A slot of the table.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// High bits of the hash.
    tag: u32,
    /// Index of the node, or [`EMPTY`].
    node: u32,
}

const EMPTY: u32 = u32::MAX;

/// Index of patterns by their words.
#[derive(Debug)]
pub(crate) struct WordIndex {
    /// Bits of the hashes of first words.
    filter: Vec<u64>,
    /// Shift that leaves the number of a bit of the filter.
    filter_shift: u32,
    /// Table with open addressing; its length is a power of two.
    table: Vec<Slot>,
    nodes: Vec<Node>,
    /// Places of patterns, grouped by node.
    names: Vec<u32>,
}

impl WordIndex {
    /// An index of `patterns`, each with its number.
    pub(crate) fn new(patterns: &[(u32, Pattern)], hasher: WordHasher) -> Self {
        // The hash of the words so far, and the place of the pattern if they are all of it. `None` sorts first.
        let mut keys: Vec<(u64, Option<u32>)> = Vec::with_capacity(2 * patterns.len());
        let mut first_words = Vec::with_capacity(patterns.len());
        for (place, (_, pattern)) in (0..).zip(patterns) {
            let mut hashes = pattern.words().map(|word| hasher.hash(word));
            let Some(mut hash) = hashes.next() else { continue };
            first_words.push(hash);
            for next in hashes {
                keys.push((hash, None));
                hash = hash_next(hash, next);
            }
            keys.push((hash, Some(place)));
        }
        keys.sort_unstable();
        keys.dedup();
        first_words.sort_unstable();
        first_words.dedup();
        let bits = (first_words.len() * BITS_PER_WORD).next_power_of_two().max(64);
        let slots = (2 * keys.len()).next_power_of_two().max(2);
        let mut index = Self {
            filter: vec![0; bits / 64],
            filter_shift: 64 - bits.trailing_zeros(),
            table: vec![Slot { tag: 0, node: EMPTY }; slots],
            nodes: Vec::new(),
            names: Vec::with_capacity(patterns.len()),
        };
        for hash in first_words {
            let bit = hash >> index.filter_shift;
            index.filter[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        for group in keys.chunk_by(|a, b| a.0 == b.0) {
            let number = |n: usize| u32::try_from(n).expect("patterns are numbered with 32 bits");
            let start = number(index.names.len());
            index.names.extend(group.iter().filter_map(|(_, place)| *place));
            let node = Node { start, end: number(index.names.len()), continues: group[0].1.is_none() };
            index.insert(group[0].0, node);
        }
        index
    }

    fn insert(&mut self, hash: u64, node: Node) {
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        while self.table[slot].node != EMPTY {
            slot = (slot + 1) & mask;
        }
        self.table[slot] = Slot { tag: tag(hash), node: self.nodes.len() as u32 };
        self.nodes.push(node);
    }

    /// Returns false if no name begins with a word of this hash; true is no proof that one does.
    #[inline]
    pub(crate) fn may_begin(&self, hash: u64) -> bool {
        let bit = hash >> self.filter_shift;
        self.filter[(bit / 64) as usize] >> (bit % 64) & 1 == 1
    }

    /// The node of words with this hash. Seldom it is that of other words: names are compared in full afterwards.
    #[inline]
    pub(crate) fn get(&self, hash: u64) -> Option<Node> {
        let mask = self.table.len() - 1;
        let tag = tag(hash);
        let mut at = hash as usize & mask;
        // At least half of the slots are empty, so the search ends.
        loop {
            let slot = self.table[at];
            if slot.node == EMPTY {
                return None;
            }
            if slot.tag == tag {
                return self.nodes.get(slot.node as usize).copied();
            }
            at = (at + 1) & mask;
        }
    }

    /// Places, in the list that the index was made of, of the patterns that are the words of a node.
    pub(crate) fn places(&self, node: Node) -> &[u32] {
        &self.names[node.start as usize..node.end as usize]
    }
}

/// High bits of a hash; the slot is chosen by the low ones.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}
