//! Tasks: a list of items (prompts with answers) and the rules for encoding, filtering and scoring them.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::dataset::RecordLocation;
use crate::error::{Error, Result};
use crate::filter::Filters;
use crate::harness::definition::Definition;
use crate::join::Join;
use crate::score::Score;

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The speaker: `system`, `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

impl Turn {
    /// A turn of a role.
    pub fn new(role: &str, content: &str) -> Self {
        Self { role: role.to_owned(), content: content.to_owned() }
    }
}

/// One question or text: a prompt and its answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Identifier, unique within the task.
    pub id: String,
    /// Name of the group: items about one subject, such as paraphrases, share a split and are resampled together. Equal
    /// to the id for an item of which the task says nothing else.
    pub group: String,
    /// What the item is about, where the task says so; empty otherwise. Items with one subject and one answer ask for
    /// the same fact.
    pub subject: String,
    /// The relation that the item asks for, such as `P30` or `capital_of_country`, where the task says so; empty otherwise.
    /// The answers of the items of one relation are of one type.
    pub relation: String,
    /// The question alone, where the prompt has few-shot examples or a description before it; empty where the prompt is
    /// the question. Copies of a question are recognised by it.
    pub question: String,
    /// Text before the answer. [`Task::delimiter`] is written between the two.
    pub prompt: String,
    /// Text between prompt and answer, where it is not the task's [`Join::delimiter`].
    pub delimiter: Option<String>,
    /// The turns of which the prompt was made, if it is a conversation of several; a chat template writes them in its own
    /// way.
    pub turns: Vec<Turn>,
    /// Text after the answer; only masked models read it.
    pub suffix: String,
    /// The gold answer, then its aliases, without the delimiter. At least one, for items of a task.
    pub answers: Vec<String>,
    /// Choices of a multiple-choice item; empty for an open question.
    pub choices: Vec<String>,
    /// Index of the right choice.
    pub gold: usize,
    /// Whether the task keeps the item for the test split (`Some(true)`) or out of it (`Some(false)`); `None`: chance
    /// decides.
    pub held_out: Option<bool>,
    /// The data set's record that the item was made from, shared by all its items; null if there is none.
    pub doc: Arc<Value>,
    /// Place of that record in its file.
    pub place: Option<RecordLocation>,
}

impl Item {
    /// The gold answer.
    pub fn target(&self) -> &str {
        &self.answers[0]
    }
}

/// Items with the rules for encoding, filtering and scoring them.
#[derive(Debug, Clone)]
pub struct Task {
    /// Name of a built-in or harness task, or the path of the user's file.
    pub name: String,
    /// Items in the order of the file.
    pub items: Vec<Item>,
    /// Score, unless the user chooses another.
    pub default_score: Score,
    /// Rules by which prompts and answers become tokens.
    pub join: Join,
    /// Stop strings: a generated text is cut before the first of them.
    pub until: Vec<String>,
    /// Filters for a generated text, applied before it is compared with the answers.
    pub filters: Filters,
    /// Number of few-shot examples in each prompt.
    pub num_fewshot: usize,
    /// The YAML of a harness task as JSON, recorded in the manifest of a run; null for other tasks.
    pub config: Value,
    /// Source of a built-in task's data: a path, or `hf:ORG/NAME@COMMIT`; `None` if the data ships inside laser.
    pub data: Option<String>,
    /// Messages about malformed records that were skipped, each with file, line and field.
    pub skipped: Vec<String>,
    /// Remarks for the user about the data, one sentence each.
    pub notes: Vec<String>,
    /// Number of items before [`Task::limited`] dropped some.
    pub total: usize,
    /// Output type, metrics and targets of a harness task; `None` for other tasks.
    pub definition: Option<Definition>,
}

impl Task {
    /// Makes a task with default rules.
    ///
    /// # Errors
    /// There is no item, or two items have the same id.
    pub fn new(name: String, items: Vec<Item>, default_score: Score) -> Result<Self> {
        let wrong = |place: String, problem: String| Error::Task { file: name.clone(), place, problem };
        if items.is_empty() {
            return Err(wrong("items".into(), "expected at least one, found none".into()));
        }
        if let Some(item) = items.iter().find(|item| item.answers.is_empty()) {
            return Err(wrong(format!("item `{}`", item.id), "expected at least one answer, found none".into()));
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
            notes: Vec::new(),
        })
    }

    /// SHA-256, hexadecimal, of everything that decides a model's input and the right answers, except the score.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            // The length keeps adjacent texts apart: `ab`, `c` and `a`, `bc` give different hashes.
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text);
        };
        for item in &self.items {
            [&item.id, &item.group, &item.prompt, &item.suffix].into_iter().for_each(|text| add(text));
            item.answers.iter().chain(&item.choices).for_each(|text| add(text));
            add(&item.gold.to_string());
            // Nothing is added where the task does not say, so that hashes stay what they were.
            item.held_out.into_iter().for_each(|held_out| add(if held_out { "test" } else { "not test" }));
            item.delimiter.iter().for_each(|delimiter| add(delimiter));
        }
        // Renaming a type or field of these three would change the fingerprint of every task.
        add(&format!("{:?} {:?} {:?}", self.join, self.until, self.filters));
        hex::encode(hasher.finalize())
    }

    /// Text between an item's prompt and its answer.
    pub fn delimiter<'a>(&'a self, item: &'a Item) -> &'a str {
        item.delimiter.as_deref().unwrap_or(&self.join.delimiter)
    }

    /// Leaves out items as malformed. `bad`: their indices, ascending, each with what is wrong, its file and its place.
    pub fn leave_out(&mut self, bad: Vec<(usize, String)>) {
        let is_good = |index: &usize| bad.binary_search_by_key(index, |(index, _)| *index).is_err();
        let mut indices = 0..;
        self.items.retain(|_| indices.next().is_some_and(|index| is_good(&index)));
        if let Some(definition) = &mut self.definition {
            let mut indices = 0..;
            definition.targets.retain(|_| indices.next().is_some_and(|index| is_good(&index)));
        }
        self.total -= bad.len();
        self.skipped.extend(bad.into_iter().map(|(_, problem)| problem));
    }

    /// Keeps the first `limit` items; `None` keeps all.
    ///
    /// # Errors
    /// `limit` is 0.
    pub fn limited(mut self, limit: Option<usize>) -> Result<Self> {
        match limit {
            Some(0) => return Err(Error::setting("limit", "expected at least 1, found 0")),
            Some(limit) => self.items.truncate(limit),
            None => {}
        }
        Ok(self)
    }
}
