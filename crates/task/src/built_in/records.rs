//! Records of a built-in task: takes where they are, gives the items that the task makes of them, in order.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::info::TaskInfo;
use crate::dataset::{BadField, Layout, Place, Record, Records};
use crate::error::{Error, Result};
use crate::score::Score;
use crate::setup::TaskOptions;
use crate::task::{Item, Task};
use laser_model::tokenizer::Tokenizer;

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
    /// Items in the order of the records.
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
        info: &TaskInfo,
        setup: &TaskOptions<'_>,
        make: impl FnMut(&Record, usize) -> Result<Vec<Item>, BadField>,
    ) -> Result<Made> {
        items(self.rows(info, setup)?, setup, make)
    }

    /// The tokenizer, for a task that counts or cuts tokens (`what` it does); a specimen does without.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn tokenizer<'a>(
        self,
        info: &TaskInfo,
        setup: &TaskOptions<'a>,
        what: &str,
    ) -> Result<Option<&'a Tokenizer>> {
        match (self, setup.tokenizer) {
            (Self::Inside | Self::Path(_), None) => {
                let problem =
                    format!("{} {what} under `{}`, and needs the model's tokenizer", info.name, setup.profile);
                Err(Error::setting("--profile", problem))
            }
            (_, tokenizer) => Ok(tokenizer),
        }
    }

    /// The records themselves: of a folder, those of all its splits that the task reads.
    ///
    /// # Errors
    /// As [`Source::items`].
    pub(super) fn rows(self, info: &TaskInfo, setup: &TaskOptions<'_>) -> Result<Records> {
        match self {
            Self::Inside => Ok(Records { file: info.name.into(), rows: Vec::new(), skipped: Vec::new() }),
            Self::Example(text) => example(info, text),
            Self::Path(path) => {
                let layout = |files| Layout { files, list: None };
                let mut splits = info.files.iter().map(|files| layout(files));
                let first = Records::open(path, &splits.next().unwrap_or_default(), setup.skip_bad)?;
                let mut others = splits.filter(|split| split.is_in(path));
                others.try_fold(first, |rows, split| Ok(rows.and(Records::open(path, &split, setup.skip_bad)?)))
            }
        }
    }
}

/// [`Source::items`] of rows.
///
/// # Errors
/// A bad row, unless those are to be skipped.
pub(super) fn items(
    rows: Records,
    setup: &TaskOptions<'_>,
    mut make: impl FnMut(&Record, usize) -> Result<Vec<Item>, BadField>,
) -> Result<Made> {
    let mut numbers = 0..;
    let (items, skipped) = rows.items(setup, |row| {
        let number = numbers.next().expect("there is a next number, because they do not end");
        let mut items = make(row, number)?;
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
    Ok(Made { items, skipped })
}

/// The one record of a specimen.
fn example(info: &TaskInfo, text: &str) -> Result<Records> {
    let file: Arc<Path> = Path::new("specimen").into();
    let fields = serde_json::from_str(text).map_err(|e| Error::parse(info.name, e))?;
    Ok(Records {
        rows: vec![Record::new(&file, Place::Record(0), fields)],
        file: file.to_path_buf(),
        skipped: Vec::new(),
    })
}

impl Made {
    /// The task of these items.
    pub(super) fn task(self, name: &str, score: Score) -> Result<Task> {
        let skipped = self.skipped;
        Ok(Task { skipped, ..Task::new(name.to_owned(), self.items, score)? })
    }
}

/// The text of a set's own id, which may be a number; empty where there is none.
pub(super) fn id(row: &Record, field: &str) -> String {
    match row.optional(field) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
