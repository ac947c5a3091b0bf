//! Items of a count: a subject, an answer, other names of each, and how often a corpus mentions them.

use serde::{Deserialize, Serialize};

/// A subject and an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Identifier of the item.
    pub id: String,
    /// Name of the subject.
    pub subject: String,
    /// Name of the answer.
    pub answer: String,
    /// Other names of the subject; a mention of one is a mention of the subject.
    #[serde(default)]
    pub subject_aliases: Vec<String>,
    /// Other names of the answer.
    #[serde(default)]
    pub answer_aliases: Vec<String>,
}

/// Frequency of an item in a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemFrequency {
    /// Identifier of the item.
    pub id: String,
    /// Name of the subject.
    pub subject: String,
    /// Name of the answer.
    pub answer: String,
    /// Documents that mention both within the window.
    pub documents: u64,
    /// Documents that mention the subject.
    pub subject_documents: u64,
    /// Documents that mention the answer.
    pub answer_documents: u64,
    /// Smallest distance between a mention of the subject and one of the answer in any document, in words, even if it
    /// exceeds the window; `None` if no document mentions both.
    ///
    /// From the last word of the first mention to the first word of the second: 1 if they are neighbours, 0 if the
    /// mentions overlap.
    pub nearest_words: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_needs_no_aliases_and_a_frequency_has_all_its_keys() {
        let item: Item = serde_json::from_str(r#"{"id":"1","subject":"Paris","answer":"France"}"#).expect("an item");
        let Item { id, subject, answer, .. } = item;
        let frequency = ItemFrequency {
            id,
            subject,
            answer,
            documents: 0,
            subject_documents: 2,
            answer_documents: 3,
            nearest_words: None,
        };
        let json = r#"{"id":"1","subject":"Paris","answer":"France","documents":0,"subject_documents":2,"answer_documents":3,"nearest_words":null}"#;
        assert_eq!(serde_json::to_string(&frequency).expect("JSON"), json);
    }
}
