//! Tasks: a list of items with a prompt and what counts as right, from a data set, the user's file or a harness task.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::harness::definition::Definition;
use crate::score::Score;

use crate::filter::Filters;
use crate::join::Join;
use crate::setup::TaskOptions;

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
    /// The record the item was made of, as the data has it, shared by all items of it; null where there is none.
    pub doc: Arc<Value>,
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
    /// Where the data of a built-in task was read: a path, or `hf:ORG/NAME@COMMIT`; none where it ships inside laser.
    pub data: Option<String>,
    /// Bad rows that were left out, each with its file, line and field.
    pub skipped: Vec<String>,
    /// Number of items before [`Task::limited`] left some out.
    pub total: usize,
    /// What a harness task's file says besides; none for other tasks.
    pub definition: Option<Definition>,
}

impl Task {
    /// A task of checked items.
    pub fn new(name: String, items: Vec<Item>, default_score: Score) -> Result<Self> {
        let wrong = |place: String, problem: String| Error::Task { file: name.clone(), place, problem };
        if items.is_empty() {
            return Err(wrong("items".into(), "expected at least one, found none".into()));
        }
        let mut ids = std::collections::BTreeSet::new();
        if let Some(item) = items.iter().find(|item| !ids.insert(item.id.as_str())) {
            return Err(wrong(format!("id `{}`", item.id), "found twice".into()));
        }
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
            data: None,
            skipped: Vec::new(),
        })
    }

    /// SHA-256, hexadecimal, of all that decides what a model reads and what counts as right, the score aside.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        for item in &self.items {
            [&item.id, &item.group, &item.prompt, &item.suffix].into_iter().for_each(|text| add(text));
            item.answers.iter().chain(&item.choices).for_each(|text| add(text));
            add(&item.gold.to_string());
        }
        add(&format!("{:?} {:?} {:?}", self.join, self.until, self.filters));
        hex::encode(hasher.finalize())
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
