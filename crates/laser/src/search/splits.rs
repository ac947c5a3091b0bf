//! Splits of a search: items of the evaluated tasks → search, validation and test split.

use super::settings::{Protocol, Settings};
use crate::error::{Error, Result};
use crate::evaluate::{EvaluatedTask, Evaluator};
use laser_statistics::{Split, paper_split};

/// Assignment of the items to splits.
#[derive(Debug, Clone)]
pub struct Splits {
    /// Split of each item, by item index.
    pub of: Vec<Split>,
}

impl Splits {
    /// Divides the items of all tasks by the protocol of `settings`.
    ///
    /// # Errors
    /// If a task has no items in one of the splits that the protocol needs.
    pub fn new(evaluator: &Evaluator<'_>, settings: &Settings) -> Result<Self> {
        // By groups without the task's name: items about one subject are in the same split in all tasks, and an item that
        // no other task repeats is in the split that it has when its task is searched alone.
        let of_task = |part: &EvaluatedTask<'_>| match settings.protocol {
            Protocol::Paper => paper_split(part.range.len()),
            Protocol::Honest { fractions } => {
                part.range.clone().map(|index| evaluator.split(index, settings.split_seed, fractions)).collect()
            }
        };
        let splits = Self { of: evaluator.tasks().iter().flat_map(of_task).collect() };
        let needed: &[Split] = match settings.protocol {
            Protocol::Paper => &[Split::Search, Split::Test],
            Protocol::Honest { .. } => &[Split::Search, Split::Validation, Split::Test],
        };
        for (i, EvaluatedTask { task, range, .. }) in evaluator.tasks().iter().enumerate() {
            if let Some(split) = needed.iter().find(|split| !splits.of[range.clone()].contains(split)) {
                let groups = match settings.protocol {
                    Protocol::Paper => range.len(),
                    Protocol::Honest { .. } => evaluator.n_groups(i),
                };
                let problem = why_empty(*split, range.len(), groups);
                return Err(Error::from(laser_task::Error::Task {
                    file: task.name.clone(),
                    place: "items".into(),
                    problem,
                }));
            }
        }
        Ok(splits)
    }

    /// Indices of the items of a split, ascending.
    pub fn items(&self, split: Split) -> Vec<usize> {
        (0..self.of.len()).filter(|i| self.of[*i] == split).collect()
    }
}

/// Says why none of a task's `items` is in a split: there are too few of them, or too few `groups`.
fn why_empty(split: Split, items: usize, groups: usize) -> String {
    const GROUP: &str = "a group stays in one split, and items with the same question are one group";
    match groups {
        _ if groups == items => format!("{items} items leave the {split} split empty: give more items"),
        1 => format!("all {items} items are in one group, which leaves the {split} split empty: {GROUP}"),
        _ => format!("{items} items in {groups} groups leave the {split} split empty: {GROUP}; give more groups"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_named() {
        let reason = |items, groups| why_empty(Split::Test, items, groups);
        assert_eq!(reason(1, 1), "1 items leave the test split empty: give more items");
        assert!(reason(60, 1).starts_with("all 60 items are in one group, which leaves the test split empty: "));
        assert!(reason(60, 2).starts_with("60 items in 2 groups leave the test split empty: "));
        assert!(!reason(60, 1).contains("more items") && !reason(60, 2).contains("more items"));
    }
}
