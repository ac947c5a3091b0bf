//! Model × tasks → outcomes: the one way items are scored, batched, and identical to one item at a time.

pub mod activation;
pub(crate) mod batch;
pub(crate) mod encode;
pub(crate) mod generate;
mod judge;
pub mod outcome;
pub(crate) mod scorer;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::evaluate::batch::{Batch, Packing, by_tokens, plan, plan_apart};
use crate::evaluate::encode::{Encoded, encode};
use crate::evaluate::outcome::Outcome;
use crate::evaluate::scorer::{Scored, Scorer};
use laser_model::Model;
use laser_model::ModelKind;
use laser_model::config::ModelConfig;
use laser_model::parallel::{Observer, map};
use laser_model::tokenizer::Tokenizer;
use laser_task::score::Score;
use laser_task::{Item, Task};

/// Rows of one pass: enough for the matrix products to run near their peak, few enough to stay in cache.
const PASS_ROWS: usize = 512;

/// One task of an exam.
#[derive(Debug, Clone)]
pub struct EvaluatedTask<'a> {
    /// The task.
    pub task: &'a Task,
    /// What counts as right in it.
    pub score: Score,
    /// Its items, as indices of the exam; under [`Score::Perplexity`] the windows of its items' texts.
    pub range: Range<usize>,
}

/// Tasks in the tokens of a model, ready to be scored on it and on its edits.
///
/// Items are counted through the parts: those of the first task in file order, then those of the second, and so on.
#[derive(Debug)]
pub struct Evaluator<'a> {
    parts: Vec<EvaluatedTask<'a>>,
    items: Vec<&'a Item>,
    /// Which item of its task each is, or is a window of.
    documents: Vec<usize>,
    tokenizer: &'a Tokenizer,
    encoded: Vec<Encoded>,
    eos: Vec<u32>,
    alone_beyond: Option<usize>,
    causal: bool,
}

impl<'a> Evaluator<'a> {
    /// Encodes the items of one or more tasks, each for its score.
    ///
    /// A model that fills masks has [`Score::Fill`] for [`Score::Generate`].
    ///
    /// # Errors
    /// A model that reads no texts; no task, or two of one name; an item that does not suit the score, or is longer
    /// than the model's context; a text to be generated across the length where the model's rotary frequencies change.
    pub fn new(tasks: &[(&'a Task, Score)], tokenizer: &'a Tokenizer, config: &ModelConfig) -> Result<Self> {
        config.check_reads_texts()?;
        if tasks.is_empty() {
            return Err(Error::setting("tasks", "expected at least one, found none"));
        }
        let (mut parts, mut items) = (Vec::<EvaluatedTask>::with_capacity(tasks.len()), Vec::new());
        let (mut documents, mut encoded) = (Vec::new(), Vec::new());
        let kind = config.kind();
        for &(task, score) in tasks {
            if parts.iter().any(|part| part.task.name == task.name) {
                return Err(Error::setting("tasks", format!("expected different names, found `{}` twice", task.name)));
            }
            let score = score.of(kind);
            let first = items.len();
            for (document, item) in encode(task, tokenizer, score, config)? {
                items.push(&task.items[document]);
                documents.push(document);
                encoded.push(item);
            }
            parts.push(EvaluatedTask { task, score, range: first..items.len() });
        }
        let mut eos = tokenizer.eos_ids().to_vec();
        eos.extend(&config.eos);
        eos.sort_unstable();
        eos.dedup();
        let alone_beyond = config.length_dependent_beyond();
        Ok(Self { parts, items, documents, tokenizer, encoded, eos, alone_beyond, causal: kind == ModelKind::Causal })
    }

    /// The tasks, at least one.
    pub fn parts(&self) -> &[EvaluatedTask<'a>] {
        &self.parts
    }

    /// All items.
    pub fn items(&self) -> &[&'a Item] {
        &self.items
    }

    /// Which item of its task an item of the exam is, or is a window of.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn document_of(&self, index: usize) -> usize {
        self.documents[index]
    }

    /// The text that a window of a text to be likely scores, spelled by its tokens; `None` for other items.
    pub fn window_text(&self, index: usize) -> Result<Option<String>> {
        if !matches!(self.parts[self.part_of(index)].score, Score::Perplexity { .. }) {
            return Ok(None);
        }
        let tokens: Vec<u32> = self.encoded[index].candidates[0].probes.iter().map(|(_, token)| *token).collect();
        Ok(Some(self.tokenizer.decode(&tokens)?))
    }

    fn packing(&self, target: usize) -> Packing {
        Packing { target, alone_beyond: self.alone_beyond, causal: self.causal }
    }

    /// Index of the part that item `index` belongs to.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn part_of(&self, index: usize) -> usize {
        assert!(index < self.items.len(), "item {index} of {}", self.items.len());
        self.parts.partition_point(|part| part.range.end <= index)
    }

    /// The part of each of some items.
    ///
    /// # Panics
    /// If one of them is none.
    pub fn parts_of(&self, indices: &[usize]) -> Vec<usize> {
        indices.iter().map(|index| self.part_of(*index)).collect()
    }

    /// The task's name of item `index` where there are several; nothing needs naming where there is one.
    pub fn task_name(&self, index: usize) -> Option<&'a str> {
        (self.parts.len() > 1).then(|| self.parts[self.part_of(index)].task.name.as_str())
    }

    /// The group that item `index` is resampled with; groups of different tasks are different.
    pub fn group(&self, index: usize) -> String {
        let group = &self.items[index].group;
        self.task_name(index).map_or_else(|| group.clone(), |task| format!("{task}: {group}"))
    }

    /// Scores the items `indices` on `model`: their outcomes in that order, whatever `threads`.
    pub fn evaluate(
        &self,
        model: &Model,
        indices: &[usize],
        threads: usize,
        stage: &str,
        observer: &dyn Observer,
    ) -> Result<Vec<Outcome>> {
        let scored = self.run(model, indices, PASS_ROWS, threads, stage, observer)?;
        Ok(scored.into_iter().map(|s| s.outcome).collect())
    }

    /// Scores items one at a time, without any sharing: the definition that [`Evaluator::evaluate`] is tested against.
    pub fn evaluate_one_by_one(&self, model: &Model, indices: &[usize]) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(indices.len());
        for index in indices {
            let scored = self.run(model, &[*index], 1, 1, "", &laser_model::parallel::Unobserved)?;
            outcomes.extend(scored.into_iter().map(|s| s.outcome));
        }
        Ok(outcomes)
    }

    /// Scores items, keeping the continuations' tokens.
    pub(crate) fn run(
        &self,
        model: &Model,
        indices: &[usize],
        pass_rows: usize,
        threads: usize,
        stage: &str,
        observer: &dyn Observer,
    ) -> Result<Vec<Scored>> {
        let batches = self.batches(indices, |_| pass_rows);
        // Few batches: the threads work inside each pass. Many: one pass a thread.
        let inside = if batches.len() < threads { threads } else { 1 };
        let model = model.with_threads(inside);
        let total = indices.len();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let results = map(batches.iter().collect(), threads / inside.max(1), observer, |batch: &Batch| {
            let scored = self.scorer(batch, false).run(&model, batch, None)?;
            let done = done.fetch_add(batch.items.len(), std::sync::atomic::Ordering::Relaxed);
            observer.progress(stage, done + batch.items.len(), total);
            Ok::<_, Error>(scored.into_iter().next().unwrap_or_default())
        })?;
        let mut by_index: Vec<Option<Scored>> = (0..self.encoded.len()).map(|_| None).collect();
        for (batch, scored) in batches.iter().zip(results) {
            for (item, scored) in batch.items.iter().zip(scored) {
                by_index[item.index] = Some(scored);
            }
        }
        let missing = "every index was in one batch because the plan covers them all";
        Ok(indices.iter().map(|i| by_index[*i].clone().expect(missing)).collect())
    }

    /// The batches of some items, each of one part; `pass_rows(score)`: about how many rows.
    pub(crate) fn batches(&self, indices: &[usize], pass_rows: impl Fn(Score) -> usize) -> Vec<Batch> {
        let of_part = |part: &EvaluatedTask| {
            let indices: Vec<usize> = indices.iter().copied().filter(|i| part.range.contains(i)).collect();
            plan(&self.encoded, &indices, self.packing(pass_rows(part.score)))
        };
        self.parts.iter().flat_map(of_part).collect()
    }

    /// Batches in which no two items share a row, of some items, each as `part` leaves it. An item's index in its
    /// batch is its place in `indices`.
    pub(crate) fn apart(
        &self,
        indices: &[usize],
        pass_rows: usize,
        part: impl Fn(&Encoded, Score) -> Encoded,
    ) -> (Vec<Encoded>, Vec<Batch>) {
        let items: Vec<Encoded> =
            indices.iter().map(|index| part(&self.encoded[*index], self.parts[self.part_of(*index)].score)).collect();
        let batches = plan_apart(&items, self.packing(pass_rows));
        (items, batches)
    }

    /// Batches of the prompts of some items, without what is to be scored after them.
    pub(crate) fn prompt_batches(&self, indices: &[usize], pass_rows: usize) -> Vec<Batch> {
        let prompts: Vec<Encoded> = indices.iter().map(|i| self.encoded[*i].question()).collect();
        plan(&prompts, &(0..prompts.len()).collect::<Vec<_>>(), self.packing(pass_rows))
    }

    /// Sorts items by their part and their tokens, so that batches of them are consecutive.
    pub(crate) fn sort(&self, indices: &mut [usize]) {
        by_tokens(&self.encoded, indices);
        indices.sort_by_key(|index| self.part_of(*index));
    }

    /// What scores a batch; `stop_early` for searches, where texts do not matter.
    pub(crate) fn scorer(&self, batch: &Batch, stop_early: bool) -> Scorer<'_> {
        let part = self.part_of(batch.items[0].index); // a batch has items, all of one part
        Scorer {
            task: self.parts[part].task,
            items: &self.items,
            encoded: &self.encoded,
            tokenizer: self.tokenizer,
            score: self.parts[part].score,
            eos: &self.eos,
            stop_early,
        }
    }
}
