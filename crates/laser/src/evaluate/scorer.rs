//! The scorer: the data that scoring the items of one task needs besides a model and a batch.
//!
//! `score_batch` runs a batch, `generate` extends its continuations, `judge` makes outcomes.

use super::encode::EncodedItem;
use super::outcome::Outcome;
use super::score_rules::ScoreRules;
use laser_model::tokenizer::Tokenizer;
use laser_task::score::Score;
use laser_task::{Item, Task};

/// Scores the batches of one task.
pub(crate) struct Scorer<'a> {
    /// The task of the items.
    pub(crate) task: &'a Task,
    /// All items of the evaluation; batches contain indices into this slice.
    pub(crate) items: &'a [&'a Item],
    /// The encodings of all items of the evaluation.
    pub(crate) encoded: &'a [EncodedItem],
    pub(crate) tokenizer: &'a Tokenizer,
    pub(crate) score: Score,
    /// The rules of `score`.
    pub(super) rules: ScoreRules,
    /// Tokens that end a continuation.
    pub(crate) eos: &'a [u32],
    pub(crate) detail: Detail,
}

/// How much of an outcome the caller reads. What it does not read is not computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Right or wrong, log-probability and margin: a continuation stops as soon as it is right, and the rank stays unknown.
    Score,
    /// The same, and the rank of the answer.
    Rank,
    /// Everything, with whole continuations.
    Full,
}

/// An item's outcome, with the tokens of its continuation; empty if the score needs none.
#[derive(Debug, Clone)]
pub(crate) struct ScoredItem {
    pub(crate) outcome: Outcome,
    pub(crate) continuation: Vec<u32>,
}
