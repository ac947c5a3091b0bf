//! Pairs of samples of the same items.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, bail};
use laser::results::SampleRecord;
use laser::statistics::Split;

use super::side::Side;

/// Samples of both sides for one item.
pub(super) type Pair<'a> = (&'a SampleRecord, &'a SampleRecord);

/// Pairs of samples, in the order of the items.
pub(super) struct Pairs<'a> {
    a: &'a Side,
    pairs: Vec<Pair<'a>>,
}

/// Pairs the samples of both sides on the items of a split.
///
/// # Errors
/// Other items on one side than on the other.
pub(super) fn paired<'a>(a: &'a Side, b: &'a Side, split: Split) -> Result<Pairs<'a>> {
    let of = |side: &'a Side| -> Vec<&'a SampleRecord> {
        side.samples.iter().filter(|sample| split == Split::All || sample.split == split).collect()
    };
    let (of_a, of_b) = (of(a), of(b));
    let (folder_a, folder_b) = (a.folder.display(), b.folder.display());
    if of_a.len() != of_b.len() {
        let hint = match split {
            Split::All => "expected the same; --split test compares the held-out items of both",
            _ => "expected the same",
        };
        bail!("{folder_a} has {} items, {folder_b} has {}: {hint}", of_a.len(), of_b.len());
    }
    for (x, y) in of_a.iter().zip(&of_b) {
        if x.doc_id != y.doc_id || x.prompt != y.prompt || x.target != y.target {
            bail!(
                "item {} of {folder_a} is not item {} of {folder_b}: expected the same prompt and target",
                x.doc_id,
                y.doc_id
            );
        }
        if x.split != y.split {
            bail!(
                "item {} is in the {} split of {folder_a} and in the {} split of {folder_b}: expected one seed and one \
                 division of the items",
                x.doc_id,
                x.split,
                y.split
            );
        }
    }
    Ok(Pairs { a, pairs: of_a.into_iter().zip(of_b).collect() })
}

impl<'a> Pairs<'a> {
    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// All pairs.
    pub(super) fn all(&self) -> impl Iterator<Item = Pair<'a>> {
        self.pairs.iter().copied()
    }

    /// The pairs of items that have answers.
    pub(super) fn answered(&self) -> impl Iterator<Item = Pair<'a>> {
        let has_answer = |pair: &&Pair<'a>| !self.a.read_only.iter().any(|task| task == self.a.task_of(pair.0));
        self.pairs.iter().filter(has_answer).copied()
    }

    /// Names of the tasks.
    pub(super) fn tasks(&self) -> Vec<String> {
        self.a.tasks.clone()
    }

    /// Number of items in each split.
    pub(super) fn splits(&self) -> BTreeMap<String, usize> {
        let mut splits = BTreeMap::new();
        for (a, _) in &self.pairs {
            *splits.entry(a.split.to_string()).or_insert(0) += 1;
        }
        splits
    }

    /// The first `n` items that each side alone has right, with both answers.
    pub(super) fn flips(&self, n: usize) -> String {
        let mut text = String::new();
        for (title, right) in [("right in B only", 1), ("right in A only", 0)] {
            let flipped: Vec<Pair<'a>> = self.answered().filter(|(a, b)| a.acc != b.acc && b.acc == right).collect();
            if flipped.is_empty() {
                continue;
            }
            let _ = write!(text, "\n{title}: {}", flipped.len());
            text.push_str(if flipped.len() > n { " (--flips shows more)\n" } else { "\n" });
            for (a, b) in flipped.into_iter().take(n) {
                let said = |sample: &SampleRecord| {
                    sample.continuation.clone().unwrap_or_else(|| sample.prediction.clone()).trim().to_owned()
                };
                let id = a.id.clone().unwrap_or_else(|| a.doc_id.to_string());
                let _ = writeln!(text, "  {id}: {}", a.prompt.trim().replace('\n', "\n    "));
                let _ = writeln!(text, "      A: {}\n      B: {}\n      gold: {}", said(a), said(b), a.target);
            }
        }
        text.trim_end().to_owned()
    }
}
