//! Joined items: takes samples of two models and counts, gives the items that have both, and how many have not.

use std::collections::{BTreeMap, BTreeSet};

use laser_statistics::{Split, group_ids};
use serde::{Deserialize, Serialize};

use super::RelateSettings;
use super::counts::{FrequencyCounts, NAMED};
use crate::error::{Error, Result};
use crate::results::SampleRecord;

/// Coverage of the items by the counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Items of the runs, those of other splits aside.
    pub items: usize,
    /// Items that have a count, 0 included.
    pub with_count: usize,
    /// Items with a count above 0.
    pub above_zero: usize,
    /// Counts of items that the runs have not, which are left out.
    pub unknown: usize,
}

/// Outcome of one model at an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ItemOutcome {
    pub(super) right: bool,
    /// Log-probability of the gold answer, nats.
    pub(super) logprob: f64,
    /// True for an answer among the ten most likely ones; false where the run does not say.
    pub(super) in_top10: bool,
}

/// An item with its count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JoinedItem {
    pub(super) count: u64,
    pub(super) group: u32,
    pub(super) base: ItemOutcome,
    pub(super) edited: ItemOutcome,
}

impl JoinedItem {
    /// log10(N + 1).
    pub(super) fn log_count(&self) -> f64 {
        (self.count as f64 + 1.0).log10()
    }

    /// Returns true if only the edited model is right.
    pub(super) fn is_fixed(&self) -> bool {
        !self.base.right && self.edited.right
    }

    /// Returns true if only the unedited model is right.
    pub(super) fn is_broken(&self) -> bool {
        self.base.right && !self.edited.right
    }
}

/// The items of two runs that have a count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Joined {
    pub(super) items: Vec<JoinedItem>,
    pub(super) coverage: Coverage,
    /// True if both runs tell which answers are among the ten most likely ones.
    pub(super) has_ranks: bool,
}

impl Joined {
    /// Joins the samples of the unedited and the edited model, in the same order of items, with the counts.
    pub(super) fn new(
        base: &[SampleRecord],
        edited: &[SampleRecord],
        counts: &FrequencyCounts,
        settings: &RelateSettings,
    ) -> Result<Self> {
        let task = task_of(base, settings.task.as_deref())?;
        let of_task = |samples: &[SampleRecord]| -> Vec<SampleRecord> {
            samples.iter().filter(|sample| sample.task.is_none() || sample.task == task).cloned().collect()
        };
        let [base, edited] = [of_task(base), of_task(edited)];
        check_same_items(&base, &edited)?;
        let ids = ids(&base)?;
        let unknown: Vec<&str> = counts.of_item.keys().map(String::as_str).filter(|id| !ids.contains(id)).collect();
        if !unknown.is_empty() && !settings.ignore_unknown {
            return Err(Error::setting(
                "frequency",
                format!(
                    "expected counts of items of the run, found {} of others ({}); the setting `ignore-unknown` leaves \
                     them out",
                    unknown.len(),
                    named(&unknown)
                ),
            ));
        }
        let in_split =
            |sample: &SampleRecord| settings.split.is_none_or(|split| split == Split::All || sample.split == split);
        let pairs: Vec<(&SampleRecord, &SampleRecord)> =
            base.iter().zip(&edited).filter(|(base, _)| in_split(base)).collect();
        let groups = group_ids(pairs.iter().map(|(base, _)| base.group.as_str()));
        let mut items = Vec::with_capacity(pairs.len());
        for ((base, edited), group) in pairs.iter().zip(groups) {
            let id = base.id.as_deref().unwrap_or_default();
            let Some(known) = counts.of_item.get(id) else { continue };
            if let Some(answer) = known.answer.as_ref().filter(|answer| answer.trim() != base.target.trim()) {
                let problem =
                    format!("item {id}: expected a count of {:?}, found one of {answer:?}", base.target.trim());
                return Err(Error::setting("frequency", format!("{problem}: these are counts of another task")));
            }
            items.push(JoinedItem { count: known.count, group, base: outcome(base), edited: outcome(edited) });
        }
        let coverage = Coverage {
            items: pairs.len(),
            with_count: items.len(),
            above_zero: items.iter().filter(|item| item.count > 0).count(),
            unknown: unknown.len(),
        };
        // A right answer has the first rank, so that a run with ranks has one unless no answer is even among the ten.
        let has_rank = |samples: &[SampleRecord]| samples.iter().any(|sample| sample.rank.is_some());
        let has_ranks = has_rank(&base) && has_rank(&edited);
        if items.is_empty() {
            let split = settings.split.map_or_else(String::new, |split| format!(" of split {split}"));
            let problem = format!("expected counts of items, found none of the {} items{split}", pairs.len());
            return Err(Error::setting("frequency", problem));
        }
        Ok(Self { items, coverage, has_ranks })
    }
}

fn outcome(sample: &SampleRecord) -> ItemOutcome {
    ItemOutcome { right: sample.is_right(), logprob: sample.logprob, in_top10: sample.rank.is_some() }
}

/// The name of the task whose items are related; `None` if the run does not name its only task.
fn task_of(samples: &[SampleRecord], wanted: Option<&str>) -> Result<Option<String>> {
    let names: BTreeSet<&str> = samples.iter().filter_map(|sample| sample.task.as_deref()).collect();
    let listed = || names.iter().copied().collect::<Vec<_>>().join(", ");
    match wanted {
        Some(name) if !names.is_empty() && !names.contains(name) => {
            Err(Error::setting("task", format!("expected one of {}, found {name}", listed())))
        }
        None if names.len() > 1 => Err(Error::setting(
            "task",
            format!("expected the name of one task, found several in the run: {}", listed()),
        )),
        name => Ok(name.map(str::to_owned).or_else(|| names.first().map(|name| (*name).to_owned()))),
    }
}

/// The identifiers of samples, each of which must have its own.
fn ids(samples: &[SampleRecord]) -> Result<BTreeSet<&str>> {
    let mut seen = BTreeMap::new();
    for sample in samples {
        let Some(id) = sample.id.as_deref() else {
            let problem = "expected an `id` in each sample, found none: the run is of an earlier version; repeat it";
            return Err(Error::setting("run", problem));
        };
        if seen.insert(id, ()).is_some() {
            let problem =
                format!("expected one sample for each item, found two of item {id}: texts in windows have no answer");
            return Err(Error::setting("run", problem));
        }
    }
    Ok(seen.into_keys().collect())
}

fn check_same_items(base: &[SampleRecord], edited: &[SampleRecord]) -> Result<()> {
    let problem = if base.len() == edited.len() {
        let same =
            |(a, b): &(&SampleRecord, &SampleRecord)| a.id == b.id && a.prompt == b.prompt && a.target == b.target;
        let other = base.iter().zip(edited).find(|pair| !same(pair));
        other.map(|(base, _)| format!("found another item than {} of the unedited model", base.doc_id))
    } else {
        Some(format!("found {} items, and {} of the unedited model", edited.len(), base.len()))
    };
    problem.map_or(Ok(()), |found| Err(Error::setting("edited", format!("expected the same items, {found}"))))
}

/// Some identifiers for a message.
fn named(ids: &[&str]) -> String {
    let shown = ids[..ids.len().min(NAMED)].join(", ");
    if ids.len() > NAMED { format!("{shown}, …") } else { shown }
}
