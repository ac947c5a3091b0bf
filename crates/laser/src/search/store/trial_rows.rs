//! Rows for reports: the finished trials of single matrices, summed up over their batches.

use rusqlite::{Row, params};

use super::Store;
use crate::error::Result;
use laser_statistics::Split;

/// An edit of one matrix with its scores on one split.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRow {
    /// Short form of the edit, as in `best.edit` of the results.
    pub edit: String,
    /// Layer, from 0.
    pub layer: usize,
    /// Name of the matrix in its layer.
    pub matrix: String,
    /// Reduction as the user wrote it: ρ, or another reduction such as `r40`.
    pub reduction: String,
    /// Number of singular components kept; `None` for a reduction without a rank.
    pub rank: Option<usize>,
    /// Fraction of items that are right.
    pub acc: f64,
    /// Mean log-loss, nats an item.
    pub log_loss: f64,
    /// The split.
    pub split: Split,
}

impl Store {
    /// Edits of one matrix that were scored on all `n_items` counted items of a split, sorted by layer, matrix and
    /// rank. `counts` says whether to count the batch that starts at a position of the split's item order; all items of
    /// a batch are of one task, so that a caller can select tasks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn rows(&self, split: Split, counts: impl Fn(usize) -> bool, n_items: usize) -> Result<Vec<TrialRow>> {
        // Batches are summed here, in item order, and not by SQL: a resumed run then has the same sum to the bit.
        let sql = "SELECT edit, layer, matrix, reduction, rank, right, n, loss, start FROM trials
                   WHERE split = ?1 AND layer IS NOT NULL ORDER BY layer, matrix, rank, edit, start";
        let mut statement = self.connection.prepare(sql).map_err(self.wrap())?;
        // `acc` and `log_loss` are sums over the batch here, and means only in the result.
        let read = |row: &Row<'_>| {
            let sums = TrialRow {
                edit: row.get(0)?,
                layer: row.get(1)?,
                matrix: row.get(2)?,
                reduction: row.get(3)?,
                rank: row.get(4)?,
                acc: row.get(5)?,
                log_loss: row.get(7)?,
                split,
            };
            Ok((sums, row.get::<_, usize>(6)?, row.get::<_, usize>(8)?))
        };
        let mut trials: Vec<(TrialRow, usize)> = Vec::new();
        for batch in statement.query_map(params![split.name()], read).map_err(self.wrap())? {
            let (batch, n, start) = batch.map_err(self.wrap())?;
            if !counts(start) {
                continue;
            }
            match trials.last_mut().filter(|(row, _)| row.edit == batch.edit) {
                Some((row, seen)) => {
                    row.acc += batch.acc;
                    row.log_loss += batch.log_loss;
                    *seen += n;
                }
                None => trials.push((batch, n)),
            }
        }
        let mean = |(row, n): (TrialRow, usize)| {
            (n == n_items).then(|| TrialRow { acc: row.acc / n as f64, log_loss: row.log_loss / n as f64, ..row })
        };
        Ok(trials.into_iter().filter_map(mean).collect())
    }
}
