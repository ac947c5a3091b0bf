//! Pairs of samples of the same items.

use std::collections::{BTreeMap, VecDeque};
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

/// Pairs the samples of both sides: all of them, which must be of the same items, or those of the items of a split.
///
/// # Errors
/// Other items on one side than on the other, or none in the split.
pub(super) fn paired<'a>(a: &'a Side, b: &'a Side, split: Split) -> Result<Pairs<'a>> {
    let pairs = if split == Split::All { all_pairs(a, b)? } else { pairs_of(split, a, b) };
    let (folder_a, folder_b) = (a.folder.display(), b.folder.display());
    if pairs.is_empty() {
        bail!("{folder_a} and {folder_b} have no item of the {split} split in common");
    }
    let known = |split: Split| split != Split::All;
    if let Some((x, y)) = pairs.iter().find(|(x, y)| x.split != y.split && known(x.split) && known(y.split)) {
        bail!(
            "item {} is in the {} split of {folder_a} and in the {} split of {folder_b}: expected one seed and one division \
             of the items",
            x.doc_id,
            x.split,
            y.split
        );
    }
    Ok(Pairs { a, pairs })
}

/// Pairs of all samples, in their order.
fn all_pairs<'a>(a: &'a Side, b: &'a Side) -> Result<Vec<Pair<'a>>> {
    let (folder_a, folder_b) = (a.folder.display(), b.folder.display());
    if a.samples.len() != b.samples.len() {
        bail!(
            "{folder_a} has {} items, {folder_b} has {}: expected the same; --split test compares the held-out items of both",
            a.samples.len(),
            b.samples.len()
        );
    }
    for (x, y) in a.samples.iter().zip(&b.samples) {
        if x.doc_id != y.doc_id || x.prompt != y.prompt || x.target != y.target {
            bail!(
                "item {} of {folder_a} is not item {} of {folder_b}: expected the same prompt and target",
                x.doc_id,
                y.doc_id
            );
        }
    }
    Ok(a.samples.iter().zip(&b.samples).collect())
}

/// Pairs of the items of a split that both sides have. An evaluation of all items does not know their splits; the other
/// side then says them.
fn pairs_of<'a>(split: Split, a: &'a Side, b: &'a Side) -> Vec<Pair<'a>> {
    let may_be = |sample: &&SampleRecord| sample.split == split || sample.split == Split::All;
    let key = |side: &'a Side, sample: &'a SampleRecord| {
        (side.task_of(sample), sample.doc_id, &sample.prompt, &sample.target)
    };
    // Windows of one text may be equal; they are paired in their order.
    let mut of_b: BTreeMap<_, VecDeque<&SampleRecord>> = BTreeMap::new();
    for sample in b.samples.iter().filter(may_be) {
        of_b.entry(key(b, sample)).or_default().push_back(sample);
    }
    let pair = |x: &'a SampleRecord| Some((x, of_b.get_mut(&key(a, x))?.pop_front()?));
    let pairs: Vec<Pair<'a>> = a.samples.iter().filter(may_be).filter_map(pair).collect();
    pairs.into_iter().filter(|(x, y)| x.split == split || y.split == split).collect()
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
        self.pairs.iter().filter(|(a, b)| a.acc.is_some() && b.acc.is_some()).copied()
    }

    /// Names of the tasks.
    pub(super) fn tasks(&self) -> Vec<String> {
        self.a.tasks.clone()
    }

    /// Number of items in each split.
    pub(super) fn splits(&self) -> BTreeMap<String, usize> {
        let mut splits = BTreeMap::new();
        for (a, b) in &self.pairs {
            let split = if a.split == Split::All { b.split } else { a.split };
            *splits.entry(split.to_string()).or_insert(0) += 1;
        }
        splits
    }

    /// The first `n` items that each side alone has right, with both answers.
    pub(super) fn flips(&self, n: usize) -> String {
        let mut text = String::new();
        for (title, right) in [("right in B only", true), ("right in A only", false)] {
            let is_flip = |(a, b): &Pair<'a>| a.is_right() != b.is_right() && b.is_right() == right;
            let flipped: Vec<Pair<'a>> = self.answered().filter(is_flip).collect();
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
