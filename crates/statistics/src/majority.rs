//! Baselines without a model: takes gold answers (or predictions), gives what one constant earns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An answer and the share of items that have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frequent {
    /// The answer.
    pub answer: String,
    /// Share of items, 0..=1.
    pub rate: f64,
}

/// The most frequent of the answers (of equally frequent ones the first in byte order); over gold
/// labels this is the majority class. `None` when there are none.
pub fn most_frequent<S: AsRef<str>>(answers: &[S]) -> Option<Frequent> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.as_ref()).or_insert(0_usize) += 1;
    }
    // `max_by_key` keeps the last of equals, so walk backwards.
    let (answer, count) = counts.into_iter().rev().max_by_key(|&(_, count)| count)?;
    Some(Frequent { answer: answer.to_owned(), rate: count as f64 / answers.len() as f64 })
}

/// What a model that always gives the answer most frequent in `seen` would score on `held_out`;
/// `None` when either is empty.
pub fn constant_answer_rate<S: AsRef<str>>(seen: &[S], held_out: &[S]) -> Option<Frequent> {
    let Frequent { answer, .. } = most_frequent(seen)?;
    let right = held_out.iter().filter(|gold| gold.as_ref() == answer).count();
    (!held_out.is_empty()).then(|| Frequent { answer, rate: right as f64 / held_out.len() as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_majority_is_counted_and_ties_are_settled() {
        let golds = ["true", "false", "true", "false", "maybe"];
        let got = most_frequent(&golds).expect("answers");
        assert_eq!((got.answer.as_str(), got.rate), ("false", 0.4));
        assert_eq!(most_frequent::<&str>(&[]), None);
    }

    #[test]
    fn the_constant_is_chosen_before_the_test_is_opened() {
        let got = constant_answer_rate(&["a", "a", "b"], &["b", "b", "b", "a"]).expect("answers");
        assert_eq!((got.answer.as_str(), got.rate), ("a", 0.25));
        assert_eq!(constant_answer_rate(&["a"], &[]), None);
    }
}
