//! Balanced accuracy: takes gold labels and right/wrong outcomes, gives an accuracy in which every label has the same
//! weight.

use std::collections::BTreeMap;

/// Balanced accuracy (macro-averaged recall), a fraction in 0..=1; `None` without items.
///
/// (1/L) · Σ over the L distinct gold labels l of (right items with gold label l) / (items with gold label l). A
/// constant answer that is one of the gold labels scores 1/L, however unequal the labels are.
///
/// `golds` (the gold label of each item) and `right` (whether the model answers it correctly) are `[items]`, in the
/// same order of items.
///
/// Source: scikit-learn's `balanced_accuracy_score` (Brodersen et al. 2010, "The balanced accuracy and its posterior
/// distribution").
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
    fn every_label_has_the_same_weight() {
        // Three of four a, one of two b, no c: (3/4 + 1/2 + 0) / 3.
        let golds = ["a", "a", "b", "a", "c", "b", "a"];
        let right = [true, true, true, true, false, false, false];
        let balanced = balanced_accuracy(&golds, &right).expect("items");
        assert!((balanced - 1.25 / 3.0).abs() < 1e-15, "{balanced}");
        assert_eq!(balanced_accuracy::<&str>(&[], &[]), None);
    }

    #[test]
    fn a_constant_answer_scores_one_over_the_number_of_labels() {
        let golds: Vec<&str> = (0..100).map(|i| if i < 97 { "no" } else { "yes" }).collect();
        for answer in ["no", "yes"] {
            let right: Vec<bool> = golds.iter().map(|gold| *gold == answer).collect();
            assert_eq!(balanced_accuracy(&golds, &right), Some(0.5));
        }
    }
}
