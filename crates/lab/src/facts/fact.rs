//! A fact, and the sentence that asks for it.

use super::words::{SUBJECT, Words};

/// A fact: subject, relation and object as indices into the words of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// First and last name of the subject.
    pub subject: [usize; 2],
    /// Relation.
    pub relation: usize,
    /// Object, among those of the relation: the gold answer.
    pub object: usize,
    /// The second object of a fact that the corpus contradicts.
    pub rival: Option<usize>,
    /// Template that no mention of the fact has, in which the task asks.
    pub held_out: usize,
    /// Number of mentions.
    pub count: usize,
    /// Number of mentions with the gold answer.
    pub true_count: usize,
}

impl Fact {
    /// Name of fact number `index` in all files.
    pub fn id(index: usize) -> String {
        format!("f{index}")
    }
}

/// First and last name of a fact's subject.
pub(super) fn subject(words: &Words, fact: &Fact) -> String {
    let [first, last] = fact.subject;
    format!("{} {}", words.first_names[first], words.last_names[last])
}

/// A sentence without its last word.
pub(super) fn question(words: &Words, fact: &Fact, template: usize) -> String {
    words.relations[fact.relation].templates[template].replace(SUBJECT, &subject(words, fact))
}
