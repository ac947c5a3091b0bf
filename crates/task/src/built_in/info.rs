//! Description of a built-in task: where its data comes from and how it is read.

use super::records::Source;
use crate::error::Result;
use crate::setup::TaskOptions;
use crate::task::Task;

/// A built-in task.
#[derive(Debug, Clone, Copy)]
pub struct TaskInfo {
    /// Name on the command line.
    pub name: &'static str,
    /// What it asks.
    pub about: &'static str,
    /// Where the data comes from, in the layouts that are read.
    pub source: &'static str,
    /// Licence of the data.
    pub licence: &'static str,
    /// Items of the published set under the profile `clean`.
    pub size: usize,
    /// Whether it reads a file or folder; `--data` names it, unless the hub has it.
    pub needs_data: bool,
    /// What the profile `paper` does that `clean` does not, one sentence each.
    pub quirks: &'static [&'static str],
    /// Where the hub has it.
    pub hub: Option<HubData>,
    /// What the files of a folder may be called: names for the split that is read first, then for one read after it
    /// where it is there; of each, the first name that is there counts (as in [`Layout`](crate::dataset::Layout)).
    pub(crate) files: &'static [&'static [&'static str]],
    /// A specimen record, as JSON, in one of the published layouts; empty where the data ships with the task.
    pub(crate) example: &'static str,
    /// Makes the task of its records.
    pub(crate) read: fn(Source<'_>, &TaskOptions<'_>) -> Result<Task>,
}

impl TaskInfo {
    /// The task made of its specimen record (of all its records, where they ship with it), to show what it asks. A task
    /// that counts or cuts tokens does so where the setup has a tokenizer.
    ///
    /// # Errors
    /// None by a task's own definition.
    pub fn specimen(&self, setup: &TaskOptions<'_>) -> Result<Task> {
        let source = if self.needs_data { Source::Example(self.example) } else { Source::Inside };
        (self.read)(source, setup)
    }
}

/// Files of a data set on the Hugging Face Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubData {
    /// `ORG/NAME`.
    pub repo: &'static str,
    /// The commit, so that everyone reads the same.
    pub revision: &'static str,
    /// The files of all splits that the task reads; the last part of a name may have one `*`.
    pub files: &'static [&'static str],
}
