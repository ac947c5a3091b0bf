//! History of a search: edits in the order of their first request, with the outcomes known of each.

use std::collections::BTreeMap;

use crate::edit::Edit;
use crate::search::trial::Outcomes;

/// Edits that stages requested, with their outcomes.
#[derive(Default)]
pub(super) struct History {
    /// By the edit's short form.
    records: BTreeMap<String, Record>,
}

struct Record {
    /// Position in the order of first requests.
    position: usize,
    edit: Edit,
    /// Outcomes of the first items; empty before the first is scored.
    outcomes: Outcomes,
}

impl Record {
    /// Whether the record counts as a trial: an edit, not the unedited model, that was scored on some item.
    fn is_trial(&self) -> bool {
        !self.edit.is_empty() && !self.outcomes.is_empty()
    }
}

impl History {
    /// Adds an edit without outcomes, if it is new.
    pub(super) fn add(&mut self, edit: &Edit) {
        let position = self.records.len();
        let new = || Record { position, edit: edit.clone(), outcomes: Outcomes::default() };
        self.records.entry(edit.to_string()).or_insert_with(new);
    }

    /// Replaces the outcomes of an edit.
    ///
    /// # Panics
    /// If the edit was not added.
    pub(super) fn set_outcomes(&mut self, edit: &Edit, outcomes: Outcomes) {
        let record = self.records.get_mut(&edit.to_string());
        record.expect("the edit is there because the runner adds every edit before it scores it").outcomes = outcomes;
    }

    /// Outcomes of an edit on the first items; `None` if no item was scored.
    pub(super) fn outcomes(&self, edit: &Edit) -> Option<&Outcomes> {
        self.records.get(&edit.to_string()).map(|record| &record.outcomes).filter(|outcomes| !outcomes.is_empty())
    }

    /// Number of trials.
    pub(super) fn n_trials(&self) -> usize {
        self.records.values().filter(|record| record.is_trial()).count()
    }

    /// Number of items scored, summed over the trials.
    pub(super) fn items_asked(&self) -> usize {
        self.records.values().filter(|record| record.is_trial()).map(|record| record.outcomes.len()).sum()
    }

    /// Edits of the trials, in the order of their first requests.
    pub(super) fn tried_edits(&self) -> Vec<Edit> {
        let mut records: Vec<&Record> = self.records.values().filter(|record| record.is_trial()).collect();
        records.sort_by_key(|record| record.position);
        records.into_iter().map(|record| record.edit.clone()).collect()
    }

    /// Edits of the trials with their outcomes, in the order of their first requests.
    pub(super) fn into_trials(self) -> Vec<(Edit, Outcomes)> {
        let mut records: Vec<Record> = self.records.into_values().filter(Record::is_trial).collect();
        records.sort_by_key(|record| record.position);
        records.into_iter().map(|record| (record.edit, record.outcomes)).collect()
    }
}
