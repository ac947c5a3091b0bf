//! Description of a built-in task: where its data comes from and how it is read.

use super::data_source::DataSource;
use crate::error::Result;
use crate::options::TaskOptions;
use crate::task::Task;

/// Description of a built-in task, with the function that reads it.
#[derive(Debug, Clone, Copy)]
pub struct TaskInfo {
    /// Name on the command line.
    pub name: &'static str,
    /// Description in a few words.
    pub about: &'static str,
    /// Source of the data, with the layouts that can be read.
    pub source: &'static str,
    /// Licence of the data.
    pub licence: &'static str,
    /// Number of items of the published data set under the profile `clean`.
    pub size: usize,
    /// Whether the task reads a file or folder, named by the setting `data` or fetched from [`TaskInfo::hub`].
    pub needs_data: bool,
    /// Differences of the profile `paper` from `clean`, one sentence each.
    pub quirks: &'static [&'static str],
    /// Names of the built-in tasks that ask for the same facts in other words; their items have the same groups.
    pub wordings: &'static [&'static str],
    /// Files of the data set on the Hugging Face Hub, if it has a copy.
    pub hub: Option<HubData>,
    /// Possible file names in a folder, for each split that the task reads: the first split must exist, the others are
    /// read if they exist. The first existing name of a split is used (as in
    /// [`DatasetLayout::files`](crate::dataset::DatasetLayout::files)).
    pub(crate) files: &'static [&'static [&'static str]],
    /// An example record, as JSON, in one of the published layouts; empty if the data is embedded.
    pub(crate) example: &'static str,
    /// Makes the task from its records.
    pub(crate) read: fn(DataSource<'_>, &TaskOptions<'_>) -> Result<Task>,
}

impl TaskInfo {
    /// Makes the task from its example record, to show the prompts; from all its records if the data is embedded. Rules
    /// that count or cut tokens are applied only if `setup` has a tokenizer.
    ///
    /// # Errors
    /// None for the tasks in [`BUILT_IN`](super::BUILT_IN): their examples are valid records.
    pub fn example_task(&self, setup: &TaskOptions<'_>) -> Result<Task> {
        let source = if self.needs_data { DataSource::Example(self.example) } else { DataSource::Embedded };
        (self.read)(source, setup)
    }
}

/// Files of a data set on the Hugging Face Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubData {
    /// Repository, `ORG/NAME`.
    pub repo: &'static str,
    /// Commit, as 40 hexadecimal digits, so that every user reads the same data.
    pub revision: &'static str,
    /// Files of all splits that the task reads; the last part of a name may contain one `*`.
    pub files: &'static [&'static str],
}
