//! Tasks: a list of items with a prompt and what counts as right, from a data set, the user's file or a harness task.

mod counterfact;
mod filter;
mod join;
mod questions;
mod setup;
mod world_facts;

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::harness::{self, Definition};
use crate::score::Score;

pub use filter::Filters;
pub(crate) use filter::{Filter, Pipeline};
pub use join::{Boundary, Join};
pub use setup::{ModelKind, Profile, Setup};

/// One question.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Unique within the task.
    pub id: String,
    /// Items of one group (paraphrases, one subject) stay in one split and are resampled together.
    pub group: String,
    /// Text before the answer; the task's [`Join::delimiter`] stands between the two.
    pub prompt: String,
    /// Text after the answer, which only a model that fills masks reads.
    pub suffix: String,
    /// The gold answer, then accepted aliases; without the delimiter.
    pub answers: Vec<String>,
    /// Candidates of a multiple-choice item (empty: an open question).
    pub choices: Vec<String>,
    /// Index of the right choice.
    pub gold: usize,
    /// The record the item was made of, as the data has it; null where there is none.
    pub doc: Value,
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
    /// How prompts and answers become tokens.
    pub join: Join,
    /// Texts that end a generated one, which is cut before the first of them.
    pub until: Vec<String>,
    /// What is done to a generated text before it is held against the answers.
    pub filters: Filters,
    /// Examples that stand before each prompt.
    pub num_fewshot: usize,
    /// What the task's own definition says, for the record; null where that is all in the settings.
    pub config: Value,
    /// Bad rows that were left out, each with its file, line and field.
    pub skipped: Vec<String>,
    /// SHA-256 of everything in the items.
    pub sha256: String,
    /// Number of items before [`Task::limited`] left some out.
    pub total: usize,
    /// What a harness task's file says besides; none for other tasks.
    pub definition: Option<Definition>,
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
    /// Whether it reads a file or folder; `--data` names it, unless the hub has it.
    pub needs_data: bool,
    /// Where the hub has it.
    pub hub: Option<HubData>,
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

/// The built-in tasks.
pub static BUILT_IN: &[TaskInfo] = &[world_facts::INFO, counterfact::INFO];

impl Task {
    /// A built-in task by name, a harness task by its YAML file or by its name in [`Setup::include`], or a file of
    /// questions by path. `data`: the file or folder of a task that needs one.
    ///
    /// # Errors
    /// No such task or file, data that is missing, superfluous or bad.
    pub fn open(name: &str, data: Option<&Path>, setup: &Setup<'_>) -> Result<Self> {
        let file = Some(PathBuf::from(name)).filter(|path| harness::is_yaml(path));
        if let Some(file) = file.map_or_else(|| harness::find(name, setup.include), |file| Ok(Some(file)))? {
            return harness::open(&file, data, setup);
        }
        if setup.num_fewshot.is_some() {
            return Err(Error::setting(
                "--num-fewshot",
                format!("only tasks of the harness have examples, not {name}"),
            ));
        }
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
            (None, None) if Path::new(name).exists() => questions::read(Path::new(name), setup),
            (None, None) => {
                let known: Vec<_> = BUILT_IN.iter().map(|info| info.name).collect();
                let problem =
                    format!("no such task: expected one of {}, a file of questions or a YAML file", known.join(", "));
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
            for text in [&item.id, &item.group, &item.prompt, &item.suffix]
                .into_iter()
                .chain(&item.answers)
                .chain(&item.choices)
            {
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text);
            }
            hasher.update((item.gold as u64).to_le_bytes());
        }
        let sha256 = hasher.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self {
            total: items.len(),
            definition: None,
            name,
            items,
            default_score,
            join: Join::default(),
            until: Vec::new(),
            filters: Filters::default(),
            num_fewshot: 0,
            config: Value::Null,
            skipped: Vec::new(),
            sha256,
        })
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
