//! Baselines without a model: takes gold answers (or predictions), gives the most frequent answer and the accuracy of
//! giving one answer to every item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An answer and the share of items that have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrequentAnswer {
    /// The answer.
    pub answer: String,
    /// Share of items, 0..=1.
    pub rate: f64,
}

/// Scores of a constant baseline: the same label for every item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConstantAnswer {
    /// The label.
    pub answer: String,
    /// Accuracy: share of items whose gold label it is, 0..=1.
    pub acc: f64,
    /// Balanced accuracy ([`balanced_accuracy`](fn@crate::balanced_accuracy)), 0..=1.
    pub balanced_acc: f64,
}

/// The most frequent answer and its share; `None` without answers.
///
/// `answers` is `[items]`; over gold labels the result is the majority class. Among equally frequent answers the first
/// in byte order is chosen, so that the result does not depend on the order of items.
pub fn most_frequent<S: AsRef<str>>(answers: &[S]) -> Option<FrequentAnswer> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.as_ref()).or_insert(0_usize) += 1;
    }
    // `max_by_key` returns the last of equal counts; in reverse order that is the first answer in byte order.
    let (answer, count) = counts.into_iter().rev().max_by_key(|&(_, count)| count)?;
    Some(FrequentAnswer { answer: answer.to_owned(), rate: count as f64 / answers.len() as f64 })
}

/// Accuracy on `held_out` of always giving the answer that is most frequent in `seen`: the answer and the share of
/// `held_out` items with that gold answer, 0..=1. `None` if either is empty.
///
/// `seen` and `held_out` are gold answers of two disjoint sets of items, of any lengths. The answer is chosen on `seen`
/// alone, as a search chooses its edit before it sees the test split.
pub fn constant_answer_rate<S: AsRef<str>>(seen: &[S], held_out: &[S]) -> Option<FrequentAnswer> {
    let FrequentAnswer { answer, .. } = most_frequent(seen)?;
    let right = held_out.iter().filter(|gold| gold.as_ref() == answer).count();
    (!held_out.is_empty()).then(|| FrequentAnswer { answer, rate: right as f64 / held_out.len() as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_frequent_breaks_ties_by_byte_order() {
        let golds = ["true", "false", "true", "false", "maybe"];
        let got = most_frequent(&golds).expect("answers");
        assert_eq!((got.answer.as_str(), got.rate), ("false", 0.4));
        assert_eq!(most_frequent::<&str>(&[]), None);
    }

    #[test]
    fn the_constant_is_chosen_on_the_seen_items() {
        let got = constant_answer_rate(&["a", "a", "b"], &["b", "b", "b", "a"]).expect("answers");
        assert_eq!((got.answer.as_str(), got.rate), ("a", 0.25));
        assert_eq!(constant_answer_rate(&["a"], &[]), None);
    }
}
