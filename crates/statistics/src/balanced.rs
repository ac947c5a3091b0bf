//! Balance: takes gold labels and what is right, gives accuracies in which every label counts alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What always giving one label scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// The label.
    pub answer: String,
    /// Share of items of which it is right, 0..=1.
    pub acc: f64,
    /// The same as [`balanced_accuracy`].
    pub balanced_acc: f64,
}

/// Mean over the gold labels of the share of their items that is right (macro-averaged recall), 0..=1: `1 / labels` for
/// any constant answer, however unequal the labels are. `None` without items.
///
/// # Panics
/// If the slices differ in length.
pub fn balanced_accuracy<S: AsRef<str>>(golds: &[S], right: &[bool]) -> Option<f64> {
    assert_eq!(golds.len(), right.len(), "one outcome per gold label");
    let mut labels: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (gold, right) in golds.iter().zip(right) {
        let (hits, items) = labels.entry(gold.as_ref()).or_default();
        *hits += usize::from(*right);
        *items += 1;
    }
    let recalls = labels.values().map(|(hits, items)| *hits as f64 / *items as f64);
    (!labels.is_empty()).then(|| recalls.sum::<f64>() / labels.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_counts_alike() {
        // Three of four a, one of two b, no c: (3/4 + 1/2 + 0) / 3.
        let golds = ["a", "a", "b", "a", "c", "b", "a"];
        let right = [true, true, true, true, false, false, false];
        let balanced = balanced_accuracy(&golds, &right).expect("items");
        assert!((balanced - 1.25 / 3.0).abs() < 1e-15, "{balanced}");
        assert_eq!(balanced_accuracy::<&str>(&[], &[]), None);
    }

    #[test]
    fn a_constant_answer_gains_nothing_from_a_large_class() {
        let golds: Vec<&str> = (0..100).map(|i| if i < 97 { "no" } else { "yes" }).collect();
        for answer in ["no", "yes"] {
            let right: Vec<bool> = golds.iter().map(|gold| *gold == answer).collect();
            assert_eq!(balanced_accuracy(&golds, &right), Some(0.5));
        }
    }
}
