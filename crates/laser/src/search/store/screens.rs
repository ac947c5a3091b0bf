//! Predictions of screens in the store.

use std::collections::BTreeMap;

use rusqlite::params;

use super::Store;
use crate::edit::Edit;
use crate::error::Result;

impl Store {
    /// Stores the values that a screen predicts for edits. `criterion`: name of the screen's criterion; larger values
    /// are better.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn insert_screen(&mut self, criterion: &str, values: &[(Edit, f64)]) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO screens VALUES (?1, ?2, ?3)";
        self.write(|transaction| {
            for (edit, value) in values {
                transaction.execute(sql, params![criterion, edit.to_string(), value])?;
            }
            Ok(())
        })
    }

    /// Predicted values by the short form of the edit; empty if the screen has not run.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn screen(&self, criterion: &str) -> Result<BTreeMap<String, f64>> {
        let sql = "SELECT edit, value FROM screens WHERE criterion = ?1";
        let mut statement = self.connection.prepare(sql).map_err(self.wrap())?;
        let rows = statement.query_map([criterion], |row| Ok((row.get(0)?, row.get(1)?))).map_err(self.wrap())?;
        rows.collect::<Result<_, _>>().map_err(self.wrap())
    }
}
