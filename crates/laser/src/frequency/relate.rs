//! The join of two runs with counts, and everything that is measured on it.

use laser_statistics::{Split, group_ids};
use serde::{Deserialize, Serialize};

use super::FrequencyRelation;
use super::associations::Associations;
use super::bins::{DEFAULT_EDGES, bins};
use super::counts::FrequencyCounts;
use super::curve::curve;
use super::histogram::histogram;
use super::joined::{Coverage, Joined};
use crate::error::Result;
use crate::results::SampleRecord;

/// Settings of a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelateSettings {
    /// Edges of the bins, documents; they rise.
    pub bins: Vec<u64>,
    /// Split of the items; `None`: all.
    pub split: Option<Split>,
    /// Name of the task, where the runs have several.
    pub task: Option<String>,
    /// Leave out counts of items that the runs have not, instead of refusing them.
    pub ignore_unknown: bool,
    /// Bootstrap resamples.
    pub resamples: usize,
    /// Permutations.
    pub permutations: usize,
    /// Seed of both.
    pub seed: u64,
}

impl Default for RelateSettings {
    /// The paper's bins on all items.
    fn default() -> Self {
        Self {
            bins: DEFAULT_EDGES.to_vec(),
            split: None,
            task: None,
            ignore_unknown: false,
            resamples: 10_000,
            permutations: 10_000,
            seed: 0,
        }
    }
}

/// Everything that is related.
#[derive(Debug, Clone)]
pub struct Related<'a> {
    /// Samples of the unedited model.
    pub base: &'a [SampleRecord],
    /// Samples of the edited model, in the same order of items.
    pub edited: &'a [SampleRecord],
    /// Counts of the items.
    pub counts: &'a FrequencyCounts,
    /// Sources of all of this, as (name, value), for the document.
    pub sources: Vec<(String, String)>,
}

/// Relates the gains of an edit to the counts of its items.
///
/// # Errors
/// Runs of different items, or of several tasks of which none is named; counts of unknown items or of other answers; no
/// item with a count; edges of bins that do not rise.
pub fn relate(related: Related<'_>, settings: &RelateSettings) -> Result<FrequencyRelation> {
    let joined = Joined::new(related.base, related.edited, related.counts, settings)?;
    let items = &joined.items;
    let bins = bins(items, settings)?;
    let associations = Associations::of(items, &bins, settings);
    Ok(FrequencyRelation {
        sources: related.sources,
        settings: settings.clone(),
        items: items.len(),
        groups: group_ids(items.iter().map(|item| item.group)).iter().max().map_or(0, |last| *last as usize + 1),
        coverage: joined.coverage,
        histogram: histogram(items),
        curve: curve(&joined, settings),
        bins,
        associations,
        notes: notes(&joined),
    })
}

fn notes(joined: &Joined) -> Vec<String> {
    let Coverage { items, with_count, above_zero, unknown } = joined.coverage;
    let mut notes = Vec::new();
    if with_count < items {
        notes.push(format!("{} of {items} items have no count and are left out", items - with_count));
    }
    if unknown > 0 {
        notes.push(format!("{unknown} counts are of items that the runs have not, and were left out"));
    }
    // Where most counts are 0, the corpus says of most items only that it is too small.
    if 2 * above_zero < with_count {
        notes.push(format!(
            "the corpus mentions only {above_zero} of {with_count} items: a count of 0 says more about the corpus than about the \
             item"
        ));
    }
    if !joined.has_ranks {
        notes.push(
            "no curve of the ten most likely answers: the runs do not tell ranks, which the score top1 does".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests;
