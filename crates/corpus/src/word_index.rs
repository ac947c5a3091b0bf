//! Index of patterns by the hashes of their words: a tree whose edges are words, kept in one table.
//!
//! Filters come before the table: most words of a text begin no name, and most words after the first of a name go on
//! with none.

use crate::hash_filter::HashFilter;
use crate::pattern::Pattern;
use crate::word_hash::{WordHasher, hash_next};

/// Words from the start of a name, as a node of the tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Start and end of the patterns that are these words, in [`WordIndex::patterns`].
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
    /// The node; `None` in an empty slot.
    node: Option<Node>,
}

/// Index of patterns by their words.
#[derive(Debug)]
pub(crate) struct WordIndex {
    /// Filter of the hashes of first words.
    first_words: HashFilter,
    /// Filter of the hashes of two and more words from the start of a name.
    longer: HashFilter,
    /// Table with open addressing; its length is a power of two, and some slots are empty.
    table: Vec<Slot>,
    /// Patterns with their numbers, grouped by node.
    patterns: Vec<(u32, Pattern)>,
}

impl WordIndex {
    /// An index of `patterns`, each with its number.
    pub(crate) fn new(patterns: Vec<(u32, Pattern)>, hasher: WordHasher) -> Self {
        // The hash of the words so far, and the place of the pattern if they are all of it. `None` sorts first.
        let mut keys: Vec<(u64, Option<usize>)> = Vec::with_capacity(2 * patterns.len());
        let mut first_words = Vec::with_capacity(patterns.len());
        let mut longer = Vec::with_capacity(patterns.len());
        for (place, (_, pattern)) in patterns.iter().enumerate() {
            let mut hashes = pattern.words().map(|word| hasher.hash(word));
            let Some(mut hash) = hashes.next() else { continue };
            first_words.push(hash);
            for next in hashes {
                keys.push((hash, None));
                hash = hash_next(hash, next);
                longer.push(hash);
            }
            keys.push((hash, Some(place)));
        }
        for hashes in [&mut first_words, &mut longer] {
            hashes.sort_unstable();
            hashes.dedup();
        }
        keys.sort_unstable();
        keys.dedup();
        // Dense, because small tables stay in the cache and the filters keep most words away from it.
        let slots = (keys.len() + keys.len() / 4 + 1).next_power_of_two();
        let mut index = Self {
            first_words: HashFilter::new(&first_words),
            longer: HashFilter::new(&longer),
            table: vec![Slot { tag: 0, node: None }; slots],
            patterns: Vec::with_capacity(patterns.len()),
        };
        let mut patterns: Vec<Option<(u32, Pattern)>> = patterns.into_iter().map(Some).collect();
        for group in keys.chunk_by(|a, b| a.0 == b.0) {
            let number = |n: usize| u32::try_from(n).expect("patterns are numbered with 32 bits");
            let start = number(index.patterns.len());
            index.patterns.extend(group.iter().filter_map(|(_, place)| patterns[(*place)?].take()));
            let node = Node { start, end: number(index.patterns.len()), continues: group[0].1.is_none() };
            index.insert(group[0].0, node);
        }
        index
    }

    fn insert(&mut self, hash: u64, node: Node) {
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        while self.table[slot].node.is_some() {
            slot = (slot + 1) & mask;
        }
        self.table[slot] = Slot { tag: tag(hash), node: Some(node) };
    }

    /// Returns false if no name begins with a word of this hash; true is no proof that one does.
    #[inline]
    pub(crate) fn may_begin(&self, hash: u64) -> bool {
        self.first_words.may_contain(hash)
    }

    /// Returns false if no name begins with several words of this hash; true is no proof that one does.
    #[inline]
    pub(crate) fn may_go_on(&self, hash: u64) -> bool {
        self.longer.may_contain(hash)
    }

    /// The node of words with this hash. Seldom it is that of other words: names are compared in full afterwards.
    #[inline]
    pub(crate) fn get(&self, hash: u64) -> Option<Node> {
        let mask = self.table.len() - 1;
        let tag = tag(hash);
        let mut at = hash as usize & mask;
        // Some slots are empty, so the search ends.
        loop {
            let slot = self.table[at];
            let node = slot.node?;
            if slot.tag == tag {
                return Some(node);
            }
            at = (at + 1) & mask;
        }
    }

    /// The patterns, each with its number, that are the words of a node.
    pub(crate) fn patterns(&self, node: Node) -> &[(u32, Pattern)] {
        &self.patterns[node.start as usize..node.end as usize]
    }
}

/// High bits of a hash; the slot is chosen by the low ones.
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Case;

    #[test]
    fn words_that_no_name_has_are_looked_up_in_an_index_of_any_size() {
        let hasher = WordHasher::new(Case::Exact);
        for count in 0..70 {
            let pattern = |i: u32| (i, Pattern::new(&format!("n{i}")).expect("a word"));
            let index = WordIndex::new((0..count).map(pattern).collect(), hasher);
            assert!(index.table.iter().any(|slot| slot.node.is_none()), "{count} names: no slot is empty");
            for i in 0..100 {
                assert_eq!(index.get(hasher.hash(&format!("n{i}"))).is_some(), i < count, "{count} names: {i}");
            }
        }
    }
}
