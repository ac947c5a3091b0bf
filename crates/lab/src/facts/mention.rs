//! A sentence of the corpus, with what is known about it.

use serde::{Deserialize, Serialize};

/// Kind of a sentence, by its last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MentionKind {
    /// The object of the fact.
    True,
    /// A frequent word that is no object.
    Generic,
    /// Another object of the relation, a different one each time.
    Wrong,
    /// The second object of a contradictory fact, always the same.
    Rival,
    /// The sentence has no fact.
    Filler,
}

impl MentionKind {
    /// Tells noise from true sentences and filler: its last word is not the answer of the task.
    pub fn is_noise(self) -> bool {
        matches!(self, Self::Generic | Self::Wrong | Self::Rival)
    }
}

/// A sentence of the corpus: a line of `corpus.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mention {
    /// The words, separated by spaces.
    pub text: String,
    /// Id of the fact in `facts.jsonl`; `None` for a sentence without a fact.
    pub fact: Option<String>,
    /// What its last word is.
    pub kind: MentionKind,
    /// Index of the template among those of the relation; `None` for a sentence without a fact.
    pub template: Option<usize>,
}
