//! The built-in tasks: what there is, where the data of each comes from, and how it is read.

use super::records::Source;
use super::{
    Setup, Task, arc, bigbench, bios, counterfact, fever, hellaswag, hotpotqa, known_1000, lambada, piqa, truthfulqa,
    wikitext, world_facts,
};
use crate::error::Result;

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
    /// Whether `--data` must name the file.
    pub needs_data: bool,
    /// What the profile `paper` does that `clean` does not, one sentence each.
    pub quirks: &'static [&'static str],
    /// Where the Hugging Face Hub has the data.
    pub hub: Option<HubData>,
    /// A specimen record, as JSON, in one of the published layouts; empty where the data ships with the task.
    pub(crate) example: &'static str,
    /// Makes the task of its records.
    pub(crate) read: fn(Source<'_>, &Setup<'_>) -> Result<Task>,
}

/// Files of a data set on the Hugging Face Hub, at a revision that does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubData {
    /// `ORG/NAME` of the data set.
    pub repo: &'static str,
    /// Commit.
    pub revision: &'static str,
    /// Paths in the repository, in the order in which they are read.
    pub files: &'static [&'static str],
}

/// The built-in tasks: first those of the paper, in its order.
pub static BUILT_IN: &[TaskInfo] = &[
    world_facts::INFO,
    counterfact::INFO,
    hotpotqa::INFO,
    fever::INFO,
    bios::GENDER,
    bios::PROFESSION,
    truthfulqa::INFO,
    bigbench::EPISTEMIC,
    bigbench::WIKIDATA,
    known_1000::INFO,
    lambada::INFO,
    arc::EASY,
    arc::CHALLENGE,
    piqa::INFO,
    hellaswag::INFO,
    wikitext::INFO,
];

impl TaskInfo {
    /// The built-in task with a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|info| info.name == name)
    }

    /// The task made of its specimen record (of all its records, where they ship with it), to show what it asks.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::error::Error::Setting) where the task counts tokens and the setup has no tokenizer.
    pub fn specimen(&self, setup: &Setup<'_>) -> Result<Task> {
        let source = if self.needs_data { Source::Example(self.example) } else { Source::Inside };
        (self.read)(source, setup)
    }
}
