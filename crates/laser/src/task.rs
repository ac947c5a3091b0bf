//! Tasks: a list of items with a prompt and what counts as right, from built-in data or the user's file.

mod counterfact;
mod jsonl;
mod world_facts;

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::score::Score;

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Unique within the task.
    pub id: String,
    /// Items of one group (paraphrases, one subject) stay in one split and are resampled together.
    pub group: String,
    /// Text before the answer, without a trailing space.
    pub prompt: String,
    /// The gold answer, then accepted aliases; without a leading space.
    pub answers: Vec<String>,
    /// Candidates of a multiple-choice item (empty: an open question).
    pub choices: Vec<String>,
    /// Index of the right choice.
    pub gold: usize,
}

impl Item {
    /// The gold answer.
    pub fn target(&self) -> &str {
        &self.answers[0]
    }
}

/// A task with its items.
#[derive(Debug, Clone)]
pub struct Task {
    /// Name, or the file's path.
    pub name: String,
    /// Items in file order.
    pub items: Vec<Item>,
    /// Score used unless the user names one.
    pub default_score: Score,
    /// SHA-256 of everything in the items.
    pub sha256: String,
}

/// What `laser tasks` says of a built-in task.
#[derive(Debug, Clone, Copy)]
pub struct TaskInfo {
    /// Name on the command line.
    pub name: &'static str,
    /// What it asks.
    pub about: &'static str,
    /// Where the data comes from.
    pub source: &'static str,
    /// Licence of the data.
    pub licence: &'static str,
    /// Whether `--data` must name the file.
    pub needs_data: bool,
}

/// The built-in tasks.
pub static BUILT_IN: &[TaskInfo] = &[world_facts::INFO, counterfact::INFO];

impl Task {
    /// A built-in task by name, or a JSONL file by path. `data`: the data file of a task that needs one.
    pub fn open(name: &str, data: Option<&Path>) -> Result<Self> {
        let info = BUILT_IN.iter().find(|info| info.name == name);
        match (info, data) {
            (Some(info), None) if info.needs_data => {
                Err(Error::setting("--data", format!("the task {name} reads its data from a file: {}", info.source)))
            }
            (Some(info), Some(_)) if !info.needs_data => {
                Err(Error::setting("--data", format!("the task {name} ships inside laser and reads no file")))
            }
            (Some(info), data) if info.name == counterfact::INFO.name => {
                counterfact::read(data.expect("data is there because the arm above refuses its absence"))
            }
            (Some(_), _) => world_facts::read(),
            (None, Some(_)) => Err(Error::setting("--data", "only built-in tasks take a data file")),
            (None, None) if Path::new(name).exists() => jsonl::read(Path::new(name)),
            (None, None) => {
                let known: Vec<_> = BUILT_IN.iter().map(|info| info.name).collect();
                let problem = format!("no such task: expected one of {} or a JSONL file", known.join(", "));
                Err(Error::Task { file: name.into(), place: "--task".into(), problem })
            }
        }
    }

    /// A task of checked items.
    pub(crate) fn new(name: String, items: Vec<Item>, default_score: Score) -> Result<Self> {
        let wrong = |place: String, problem: String| Error::Task { file: name.clone(), place, problem };
        if items.is_empty() {
            return Err(wrong("items".into(), "expected at least one, found none".into()));
        }
        let mut ids = std::collections::BTreeSet::new();
        let mut hasher = Sha256::new();
        for item in &items {
            if !ids.insert(item.id.as_str()) {
                return Err(wrong(format!("id `{}`", item.id), "found twice".into()));
            }
            for text in [&item.id, &item.group, &item.prompt].into_iter().chain(&item.answers).chain(&item.choices) {
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text);
            }
            hasher.update((item.gold as u64).to_le_bytes());
        }
        let sha256 = hasher.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { name, items, default_score, sha256 })
    }

    /// The first `limit` items. (The order of a built-in task is mixed, so that its beginning is a fair sample.)
    ///
    /// # Errors
    /// A limit of 0.
    pub fn limited(mut self, limit: Option<usize>) -> Result<Self> {
        match limit {
            Some(0) => return Err(Error::setting("--limit", "expected at least 1, found 0")),
            Some(limit) => self.items.truncate(limit),
            None => {}
        }
        Ok(self)
    }
}
