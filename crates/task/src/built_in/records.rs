//! Reads the records of a built-in task: takes a [`DataSource`], gives the items that the task makes of each record.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::data_source::DataSource;
use super::info::TaskInfo;
use crate::dataset::{BadField, DatasetLayout, Record, RecordLocation, Records};
use crate::error::{Error, Result};
use crate::options::TaskOptions;
use crate::score::Score;
use crate::task::{Item, Task};
use laser_model::tokenizer::Tokenizer;

/// Items of a task, with messages about malformed records that were skipped.
#[derive(Debug, Default)]
pub(super) struct TaskItems {
    /// Items in the order of the records.
    pub(super) items: Vec<Item>,
    /// One message for each skipped record.
    pub(super) skipped: Vec<String>,
}

impl DataSource<'_> {
    /// Makes the items of every record. `make` takes a record and its number, counted from 0, and returns no items for
    /// a record that the task does not use. An item without an id gets the record's number as its id; an item without a
    /// group forms its own group.
    ///
    /// # Errors
    /// A file cannot be read; a record is malformed and is not to be skipped; all records are malformed.
    pub(super) fn items(
        self,
        info: &TaskInfo,
        setup: &TaskOptions<'_>,
        make: impl FnMut(&Record, usize) -> Result<Vec<Item>, BadField>,
    ) -> Result<TaskItems> {
        items(self.records(info, setup)?, setup, make)
    }

    /// The tokenizer, for a task that counts or cuts tokens; `what` says for what in the error. `None` is allowed only
    /// for the example record.
    ///
    /// # Errors
    /// The options have no tokenizer.
    pub(super) fn tokenizer<'a>(
        self,
        info: &TaskInfo,
        setup: &TaskOptions<'a>,
        what: &str,
    ) -> Result<Option<&'a Tokenizer>> {
        match (self, setup.tokenizer) {
            (Self::Embedded | Self::Path(_), None) => {
                let problem =
                    format!("{} {what} under `{}`, and needs the model's tokenizer", info.name, setup.profile);
                Err(Error::setting("profile", problem))
            }
            (_, tokenizer) => Ok(tokenizer),
        }
    }

    /// Reads the records; from a folder, those of all splits that the task uses.
    ///
    /// # Errors
    /// A file cannot be read, or a record is malformed and is not to be skipped.
    pub(super) fn records(self, info: &TaskInfo, setup: &TaskOptions<'_>) -> Result<Records> {
        match self {
            Self::Embedded => {
                Ok(Records { file: info.name.into(), records: Vec::new(), skipped: Vec::new(), beside: Vec::new() })
            }
            Self::Example(text) => example(info, text),
            Self::Path(path) => {
                let layout = |files| DatasetLayout { files, list: None };
                let mut splits = info.files.iter().map(|files| layout(files));
                let first = Records::open(path, &splits.next().unwrap_or_default(), setup.skip_bad)?;
                let mut others = splits.filter(|split| split.is_in(path));
                others.try_fold(first, |records, split| Ok(records.and(Records::open(path, &split, setup.skip_bad)?)))
            }
        }
    }
}

/// [`DataSource::items`] for records that are read already.
///
/// # Errors
/// A record is malformed and is not to be skipped; all records are malformed.
pub(super) fn items(
    records: Records,
    setup: &TaskOptions<'_>,
    mut make: impl FnMut(&Record, usize) -> Result<Vec<Item>, BadField>,
) -> Result<TaskItems> {
    let mut numbers = 0..;
    let (items, skipped) = records.items(setup, |record| {
        let number = numbers.next().expect("there is a next number, because they do not end");
        let mut items = make(record, number)?;
        for item in &mut items {
            if item.id.is_empty() {
                item.id = number.to_string();
            }
            if item.group.is_empty() {
                item.group.clone_from(&item.id);
            }
        }
        Ok(items)
    })?;
    Ok(TaskItems { items, skipped })
}

/// The example record of a task.
fn example(info: &TaskInfo, text: &str) -> Result<Records> {
    let file: Arc<Path> = Path::new("example").into();
    let fields = serde_json::from_str(text).map_err(|e| Error::parse(info.name, e))?;
    Ok(Records {
        records: vec![Record::new(&file, RecordLocation::Record(0), fields)],
        file: file.to_path_buf(),
        skipped: Vec::new(),
        beside: Vec::new(),
    })
}

impl TaskItems {
    /// Makes the task of these items.
    ///
    /// # Errors
    /// There are no items, or two have the same id.
    pub(super) fn task(self, name: &str, score: Score) -> Result<Task> {
        let skipped = self.skipped;
        Ok(Task { skipped, ..Task::new(name.to_owned(), self.items, score)? })
    }
}

/// The data set's own id of a record, a text or number; empty if the record has none.
pub(super) fn id(record: &Record, field: &str) -> String {
    match record.optional(field) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
