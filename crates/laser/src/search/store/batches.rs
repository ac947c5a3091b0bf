//! Batches of trials in the store: outcomes of consecutive items, inserted once and read back.

use std::collections::BTreeSet;

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};

use super::Store;
use crate::edit::Edit;
use crate::error::Result;
use crate::search::trial::{Outcomes, Trial};
use laser_statistics::Split;

impl Store {
    /// Stores one batch of each of `trials`: outcomes from the item at position `start` of the split's item order on.
    /// Either all are stored or none. A batch that the store has already stays as it is.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn insert(&mut self, start: usize, trials: &[Trial]) -> Result<()> {
        let sql =
            "INSERT OR IGNORE INTO trials VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
        self.write(|transaction| {
            for trial in trials {
                let outcomes = &trial.outcomes;
                let single = trial.edit.as_single();
                let row = params![
                    trial.edit.to_string(),
                    trial.split.name(),
                    start,
                    outcomes.len(),
                    single.as_ref().map(|(id, _)| id.layer),
                    single.as_ref().map(|(id, _)| id.in_layer()),
                    single.as_ref().map(|(_, reduction)| reduction.to_string()),
                    trial.rank,
                    outcomes.correct.iter().filter(|c| **c).count(),
                    outcomes.len() as f64 * outcomes.log_loss(),
                    flag_bytes(&outcomes.correct),
                    number_bytes(&outcomes.logprobs),
                    number_bytes(&outcomes.margins),
                    flag_bytes(&outcomes.ties),
                    flag_bytes(&outcomes.in_top10),
                ];
                transaction.execute(sql, row)?;
            }
            Ok(())
        })
    }

    /// Stored batches of a trial, by ascending position of their first item: that position and the outcomes.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn batches(&self, edit: &Edit, split: Split) -> Result<Vec<(usize, Outcomes)>> {
        self.batches_of(&edit.to_string(), split)
    }

    /// Outcomes of one stored batch of a trial, by the position of its first item.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn batch(&self, edit: &Edit, split: Split, start: usize) -> Result<Option<Outcomes>> {
        let sql = "SELECT start, correct, ties, logprobs, margins, n, in_top10 FROM trials
                   WHERE edit = ?1 AND split = ?2 AND start = ?3";
        let mut statement = self.connection.prepare_cached(sql).map_err(self.wrap())?;
        let row = statement.query_row(params![edit.to_string(), split.name(), start], read_batch).optional();
        Ok(row.map_err(self.wrap())?.map(|(_, outcomes)| outcomes))
    }

    /// Positions of the first items of the stored batches of a trial.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn starts(&self, edit: &Edit, split: Split) -> Result<BTreeSet<usize>> {
        let sql = "SELECT start FROM trials WHERE edit = ?1 AND split = ?2";
        let mut statement = self.connection.prepare_cached(sql).map_err(self.wrap())?;
        let rows = statement.query_map(params![edit.to_string(), split.name()], |row| row.get(0));
        rows.map_err(self.wrap())?.collect::<Result<_, _>>().map_err(self.wrap())
    }

    fn batches_of(&self, edit: &str, split: Split) -> Result<Vec<(usize, Outcomes)>> {
        let sql =
            "SELECT start, correct, ties, logprobs, margins, n, in_top10 FROM trials WHERE edit = ?1 AND split = ?2
                   ORDER BY start";
        let mut statement = self.connection.prepare_cached(sql).map_err(self.wrap())?;
        let rows = statement.query_map(params![edit, split.name()], read_batch).map_err(self.wrap())?;
        rows.collect::<Result<_, _>>().map_err(self.wrap())
    }

    /// Outcomes of an edit on a split, from the first item up to the first one that is not stored.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn get(&self, edit: &Edit, split: Split) -> Result<Outcomes> {
        self.outcomes(&edit.to_string(), split)
    }

    /// The same for the short form of an edit.
    pub(super) fn outcomes(&self, edit: &str, split: Split) -> Result<Outcomes> {
        let mut all = Outcomes::default();
        for (start, batch) in self.batches_of(edit, split)? {
            if start == all.len() {
                all.append(&batch);
            }
        }
        Ok(all)
    }
}

/// Reads a row of the columns start, correct, ties, logprobs, margins, n, in_top10.
fn read_batch(row: &Row<'_>) -> rusqlite::Result<(usize, Outcomes)> {
    let n: usize = row.get(5)?;
    let outcomes = Outcomes {
        correct: read_flags(row, 1, n)?,
        ties: read_flags(row, 2, n)?,
        logprobs: read_numbers(row, 3, n)?,
        margins: read_numbers(row, 4, n)?,
        in_top10: read_flags(row, 6, n)?,
    };
    Ok((row.get(0)?, outcomes))
}

/// One byte a flag.
fn flag_bytes(flags: &[bool]) -> Vec<u8> {
    flags.iter().map(|flag| u8::from(*flag)).collect()
}

/// Eight bytes a number, little-endian.
fn number_bytes(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Reads one byte a flag.
fn read_flags(row: &Row<'_>, column: usize, n: usize) -> rusqlite::Result<Vec<bool>> {
    Ok(column_bytes(row, column, n, 1)?.into_iter().map(|byte| byte != 0).collect())
}

/// Reads eight bytes a number, little-endian.
fn read_numbers(row: &Row<'_>, column: usize, n: usize) -> rusqlite::Result<Vec<f64>> {
    let bytes = column_bytes(row, column, n, size_of::<f64>())?;
    Ok(bytes.chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i]))).collect())
}

/// Reads a column of `n` values of `width` bytes. A damaged store may have another number of them: outcomes whose columns
/// differ in length would be read beyond the end.
fn column_bytes(row: &Row<'_>, column: usize, n: usize, width: usize) -> rusqlite::Result<Vec<u8>> {
    let bytes: Vec<u8> = row.get(column)?;
    if Some(bytes.len()) != n.checked_mul(width) {
        let problem = format!("expected {n} values of {width} bytes, found {} bytes", bytes.len());
        return Err(rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, problem.into()));
    }
    Ok(bytes)
}
