//! Records of a built-in task: takes where they are, gives the items that the task makes of them, in order.

use std::path::Path;

use serde_json::Value;

use super::{Item, Setup, Task};
use crate::dataset::{BadField, Row, Rows};
use crate::error::{Error, Result};
use crate::score::Score;

/// Where the records of a task are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// They ship with the task.
    Inside,
    /// In a file or a folder.
    Path(&'a Path),
    /// The task's own specimen: one record, as JSON.
    Example(&'a str),
}

/// What a task made of its records.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Items in file order.
    pub(super) items: Vec<Item>,
    /// Rows left out because they are bad.
    pub(super) skipped: Vec<String>,
}

impl Source<'_> {
    /// Items of every record. `make` is told the record and its number, and gives nothing for one that the task
    /// leaves out. An item without an id has the record's number for it; one without a group is its own.
    ///
    /// # Errors
    /// A file that cannot be read; a bad row, unless those are to be skipped.
    pub(super) fn items(
        self,
        setup: &Setup<'_>,
        mut make: impl FnMut(&Row, usize) -> Result<Vec<Item>, BadField>,
    ) -> Result<Made> {
        let rows = self.rows()?;
        let mut made = Made::default();
        for (number, row) in rows.rows.iter().enumerate() {
            match make(row, number) {
                Ok(items) => made.items.extend(items.into_iter().map(|item| completed(item, number, row))),
                Err(bad) if setup.skip_bad => {
                    made.skipped.push(format!("row {}, `{}`: {}", row.place, bad.field, bad.problem));
                }
                Err(bad) => {
                    let file = rows.file.display().to_string();
                    let place = format!("row {}, `{}`", row.place, bad.field);
                    return Err(Error::Task { file, place, problem: bad.problem });
                }
            }
        }
        Ok(made)
    }

    fn rows(self) -> Result<Rows> {
        let one = |text: &str, file: &Path| -> Result<Rows> {
            let mut value: Value = serde_json::from_str(text).map_err(|e| Error::parse(file, e))?;
            let list = match value.get_mut("examples").map(Value::take) {
                Some(Value::Array(list)) => list,
                _ => vec![value],
            };
            let object = |value| if let Value::Object(fields) = value { Some(fields) } else { None };
            let rows = list.into_iter().filter_map(object).enumerate();
            Ok(Rows { file: file.to_owned(), rows: rows.map(|(i, fields)| Row::new(i, fields)).collect() })
        };
        match self {
            Self::Inside => Ok(Rows { file: "the task itself".into(), rows: Vec::new() }),
            Self::Example(text) => one(text, Path::new("the task's example")),
            Self::Path(path) => {
                let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
                if text.trim_start().starts_with('{') && text.contains("\"examples\"") {
                    one(&text, path)
                } else {
                    Rows::read(path)
                }
            }
        }
    }
}

impl Made {
    /// The task of these items.
    pub(super) fn task(self, name: &str, score: Score) -> Result<Task> {
        let skipped = self.skipped;
        Ok(Task { skipped, ..Task::new(name.to_owned(), self.items, score)? })
    }
}

fn completed(mut item: Item, number: usize, row: &Row) -> Item {
    if item.id.is_empty() {
        item.id = number.to_string();
    }
    if item.group.is_empty() {
        item.group.clone_from(&item.id);
    }
    item.doc = Value::Object(row.fields.clone());
    item
}

/// The text of a set's own id, which may be a number; empty where there is none.
pub(super) fn id(row: &Row, field: &str) -> String {
    match row.fields.get(field) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
