//! The table of trials, `trials.csv`: one line for each edit that a search could try, for reports and other programs.

use std::path::Path;

use laser_checkpoint::write_atomically;

use super::flipped_items::FlippedItems;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::results::{Results, SampleRecord};
use crate::search::store::{CountedItems, Store, TrialRow};
use laser_statistics::Split;

/// Writes the rows to `path`, after a line with the names of the columns.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write_trials(path: &Path, rows: &[TrialRow]) -> Result<()> {
    Ok(write_atomically(path, TrialRow::csv(rows).as_bytes())?)
}

/// Reads the rows of `path`.
///
/// # Errors
/// The file cannot be read, or a line is not that of an edit; the error names the line.
pub(super) fn read_trials(path: &Path) -> Result<Vec<TrialRow>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    // The error of the library says the line and the column.
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.map_err(|e| Error::parse(path, e))).collect()
}

/// Sums up the trials of a store, with a row for each of `candidates`, which are edits with their ranks; `base` has the
/// samples of the unedited model, one for each item, and `order` is the item order of the search split.
///
/// # Errors
/// If the store cannot be read.
pub fn trial_rows(
    store: &Store,
    results: &Results,
    base: &[SampleRecord],
    order: &[usize],
    candidates: &[(Edit, Option<usize>)],
) -> Result<Vec<TrialRow>> {
    let flipped = FlippedItems::new(results, base);
    let counts = |position: usize| order.get(position).is_some_and(|item| flipped.has_accuracy(*item));
    let counted = CountedItems { counts: &counts, have_answers: flipped.has_answers() };
    // Earlier versions did not write down the screen, and had predictions of this one only by default.
    let criterion = results.search.screen.as_ref().map_or("gradient", |screen| &screen.criterion);
    store.rows(Split::Search, &counted, Some(criterion), candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back_to_the_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trials.csv");
        let scored = TrialRow {
            rank: Some(5),
            prediction: Some(0.1 + 0.2),
            items: 48,
            accuracy: Some(1.0 / 3.0),
            accuracy_change: Some(-0.0),
            log_loss: Some(2.5),
            log_loss_change: Some(1e-12),
            ..TrialRow::untried("L1.up_proj@random(0.1,7)")
        };
        let rows = [scored, TrialRow::untried("L0.up_proj@0.5,L1.up_proj@0.1")];
        write_trials(&path, &rows).expect("writes");
        assert_eq!(read_trials(&path).expect("reads"), rows);
        std::fs::write(&path, "edit,layer\nL0.up_proj@0.5,x\n").expect("writes");
        let error = read_trials(&path).expect_err("no number").to_string();
        assert!(error.contains("trials.csv") && error.contains("line: 2"), "{error}");
    }
}
