//! Mentions of one document by entity, and the nearest pair of mentions of two entities.

/// No link.
const NONE: u32 = u32::MAX;

/// A mention in the list of its entity.
#[derive(Debug, Clone, Copy)]
struct Node {
    first_word: u32,
    last_word: u32,
    next: u32,
}

/// Mentions of one document by entity: a list for each entity, all in one piece of memory that serves every document.
#[derive(Debug)]
pub(crate) struct DocumentMentions {
    heads: Vec<u32>,
    tails: Vec<u32>,
    nodes: Vec<Node>,
    /// Entities with a mention.
    mentioned: Vec<u32>,
}

impl DocumentMentions {
    /// An empty document of a lexicon with so many entities.
    pub(crate) fn new(entities: usize) -> Self {
        Self { heads: vec![NONE; entities], tails: vec![NONE; entities], nodes: Vec::new(), mentioned: Vec::new() }
    }

    /// Adds a mention of `entity`. Mentions come in the order of their last words.
    pub(crate) fn push(&mut self, entity: u32, first_word: u32, last_word: u32) {
        let Ok(node) = u32::try_from(self.nodes.len()) else { return };
        self.nodes.push(Node { first_word, last_word, next: NONE });
        let entity_index = entity as usize;
        match self.tails[entity_index] {
            NONE => {
                self.heads[entity_index] = node;
                self.mentioned.push(entity);
            }
            tail => self.nodes[tail as usize].next = node,
        }
        self.tails[entity_index] = node;
    }

    /// Entities with a mention.
    pub(crate) fn mentioned(&self) -> &[u32] {
        &self.mentioned
    }

    /// Smallest distance between a mention of `a` and one of `b`, in words; `None` if one of them is not mentioned.
    ///
    /// Both lists are walked in the order of their last words. Each mention is compared with the last one of the other
    /// entity before it: no earlier one is nearer.
    pub(crate) fn nearest(&self, a: u32, b: u32) -> Option<u32> {
        let mut next = [a, b].map(|entity| self.heads[entity as usize]);
        if next.contains(&NONE) {
            return None;
        }
        let mut last_words = [None::<u32>; 2];
        let mut nearest = u32::MAX;
        while nearest > 0 {
            let [node_a, node_b] = next.map(|node| self.nodes.get(node as usize));
            let (of, node) = match (node_a, node_b) {
                (Some(a), Some(b)) if a.last_word <= b.last_word => (0, a),
                (_, Some(b)) => (1, b),
                (Some(a), None) => (0, a),
                (None, None) => break,
            };
            if let Some(last_word) = last_words[1 - of] {
                nearest = nearest.min(node.first_word.saturating_sub(last_word));
            }
            last_words[of] = Some(node.last_word);
            next[of] = node.next;
        }
        Some(nearest)
    }

    /// Forgets all mentions.
    pub(crate) fn clear(&mut self) {
        for &entity in &self.mentioned {
            self.heads[entity as usize] = NONE;
            self.tails[entity as usize] = NONE;
        }
        self.mentioned.clear();
        self.nodes.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_pair_is_that_of_all_pairs(mut spans in prop::collection::vec((0..2_u32, 0..40_u32, 0..4_u32), 0..12)) {
            spans.sort_by_key(|span| span.1 + span.2);
            let mut mentions = DocumentMentions::new(2);
            for &(entity, first, more) in &spans {
                mentions.push(entity, first, first + more);
            }
            let of = |entity| spans.iter().filter(move |span| span.0 == entity);
            let pairs = of(0).flat_map(|a| of(1).map(move |b| {
                let gap = |a: &(u32, u32, u32), b: &(u32, u32, u32)| b.1.saturating_sub(a.1 + a.2);
                gap(a, b).max(gap(b, a))
            }));
            prop_assert_eq!(mentions.nearest(0, 1), pairs.min());
            mentions.clear();
            prop_assert_eq!(mentions.nearest(0, 1), None);
        }
    }
}
