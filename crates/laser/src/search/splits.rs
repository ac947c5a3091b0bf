//! Splits of a search: items of the evaluated tasks → search, validation and test split.

use super::settings::{Protocol, Settings};
use crate::error::{Error, Result};
use crate::evaluate::{EvaluatedTask, Evaluator};
use laser_statistics::{Split, assign_split, paper_split};

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
        // By the items' own groups, without the task's name: items about one subject are in the same split in all
        // tasks, and each item is in the split that it has when its task is searched alone.
        let of_task = |part: &EvaluatedTask<'_>| match settings.protocol {
            Protocol::Paper => paper_split(part.range.len()),
            Protocol::Honest { fractions } => {
                let items = evaluator.items()[part.range.clone()].iter();
                items.map(|item| assign_split(&item.group, settings.split_seed, fractions)).collect()
            }
        };
        let splits = Self { of: evaluator.tasks().iter().flat_map(of_task).collect() };
        let needed: &[Split] = match settings.protocol {
            Protocol::Paper => &[Split::Search, Split::Test],
            Protocol::Honest { .. } => &[Split::Search, Split::Validation, Split::Test],
        };
        for EvaluatedTask { task, range, .. } in evaluator.tasks() {
            if let Some(split) = needed.iter().find(|split| !splits.of[range.clone()].contains(split)) {
                let problem = format!("{} items leave the {split} split empty: give more items", range.len());
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
