//! Counts of one shard, and their sums.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::item::{Item, ItemFrequency};
use crate::lexicon::Lexicon;

/// Number of faults of a shard that are kept; the others are only counted.
pub const MOST_FAULTS: usize = 100;

/// Summary of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardSummary {
    /// Name of the shard.
    pub name: String,
    /// Size of the shard as it is stored, bytes.
    pub size: u64,
    /// Documents that were counted.
    pub documents: u64,
    /// Documents that were not counted because their text occurred before, here or in another shard. Which of them
    /// counts depends on the order of the work; their sum over the shards does not.
    pub duplicates: u64,
    /// Words of the counted documents.
    pub words: u64,
    /// Text of the counted documents, bytes of UTF-8.
    pub text_bytes: u64,
    /// Number of faults.
    pub fault_count: u64,
    /// The first [`MOST_FAULTS`] faults.
    pub faults: Vec<Fault>,
}

impl ShardSummary {
    /// Adds a fault.
    pub(crate) fn add_fault(&mut self, place: String, problem: String) {
        self.fault_count += 1;
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { place, problem });
        }
    }
}

/// Counts of a pair of a subject and an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PairCount {
    /// Documents that mention both within the window.
    pub(crate) documents: u64,
    /// Smallest distance in any document, words; `u32::MAX` if no document mentions both.
    pub(crate) nearest: u32,
}

impl Default for PairCount {
    fn default() -> Self {
        Self { documents: 0, nearest: u32::MAX }
    }
}

impl PairCount {
    /// Adds documents.
    pub(crate) fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.nearest = self.nearest.min(other.nearest);
    }
}

/// Counts of a shard that are not zero: the line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShardCounts {
    #[serde(flatten)]
    pub(crate) summary: ShardSummary,
    /// Rules by which the documents were read, as text.
    pub(crate) reading: String,
    /// Entity and number of documents.
    pub(crate) entities: Vec<(u32, u64)>,
    /// Pair, number of documents and smallest distance.
    pub(crate) pairs: Vec<(u32, u64, u32)>,
}

/// Counts of every entity and pair.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Documents that mention each entity.
    pub(crate) entities: Vec<u64>,
    /// Counts of each pair.
    pub(crate) pairs: Vec<PairCount>,
}

impl Tally {
    /// No counts.
    pub(crate) fn new(lexicon: &Lexicon) -> Self {
        Self { entities: vec![0; lexicon.entities], pairs: vec![PairCount::default(); lexicon.pairs.len()] }
    }

    /// Adds the counts of a shard, whose numbers are those of the lexicon.
    pub(crate) fn add(&mut self, counts: &ShardCounts) {
        for &(entity, documents) in &counts.entities {
            self.entities[entity as usize] += documents;
        }
        for &(pair, documents, nearest) in &counts.pairs {
            self.pairs[pair as usize].add(PairCount { documents, nearest });
        }
    }

    /// The counts that are not zero, which become zero.
    pub(crate) fn take(&mut self, summary: ShardSummary, reading: String) -> ShardCounts {
        let entities = (0..).zip(&mut self.entities).filter(|(_, count)| **count > 0);
        let entities = entities.map(|(entity, count)| (entity, std::mem::take(count))).collect();
        let pairs = (0..).zip(&mut self.pairs).filter(|(_, count)| count.nearest < u32::MAX);
        let pairs = pairs.map(|(pair, count)| {
            let PairCount { documents, nearest } = std::mem::take(count);
            (pair, documents, nearest)
        });
        ShardCounts { summary, reading, entities, pairs: pairs.collect() }
    }

    /// The frequency of each item.
    pub(crate) fn frequencies(&self, items: &[Item], lexicon: &Lexicon) -> Vec<ItemFrequency> {
        let frequency = |(item, &pair): (&Item, &u32)| {
            let [subject, answer] = lexicon.pairs[pair as usize];
            let PairCount { documents, nearest } = self.pairs[pair as usize];
            ItemFrequency {
                id: item.id.clone(),
                subject: item.subject.clone(),
                answer: item.answer.clone(),
                documents,
                subject_documents: self.entities[subject as usize],
                answer_documents: self.entities[answer as usize],
                nearest_words: (nearest < u32::MAX).then_some(nearest),
            }
        };
        items.iter().zip(&lexicon.pair_of_item).map(frequency).collect()
    }
}
