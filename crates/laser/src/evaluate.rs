//! Evaluation: model × tasks → outcomes.
//!
//! The data flow: `encode` turns the items of a task into tokens, by the rules of its score (`score_rules`, where a new
//! score is added); `batch` packs them into batches that share prefixes; `score_batch` runs a batch through a model,
//! `generate` extends its continuations, and `judge` makes each item's [`outcome`]. Searches start from `base_states`,
//! the unedited model's states at the layer of an edit. `measure_activations` sums up the inputs of matrices.
//!
//! Items may also be levels that a Decision Transformer plays; `levels` makes their outcomes, by whole runs of a model.
//!
//! Outcomes do not depend on the number of threads. [`Evaluator::evaluate_one_by_one`], which shares nothing between items,
//! gives the same outcomes up to rounding.

mod answered_prompt;
pub(crate) mod base_states;
pub(crate) mod batch;
pub(crate) mod context;
pub(crate) mod encode;
mod generate;
mod item_groups;
mod judge;
mod levels;
mod measure_activations;
pub mod outcome;
mod paired;
mod score_batch;
mod score_items;
pub(crate) mod score_rules;
pub(crate) mod scorer;
pub(crate) mod state_memory;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::sokoban::PlayerSettings;
pub use answered_prompt::{AnsweredPrompt, answered_prompts};
use batch::{Batch, Packing, plan, plan_demonstrations, plan_unshared, sort_by_tokens};
pub use context::RunContext;
pub(crate) use encode::leave_out_too_long;
use encode::{AnswerStart, EncodedItem, encode};
pub(crate) use item_groups::ItemGroups;
use laser_model::config::ModelConfig;
use laser_model::tokenizer::Tokenizer;
use laser_model::{Model, ModelKind};
use laser_statistics::{Fractions, Split, assign_split};
use laser_task::score::Score;
use laser_task::{Item, Task};
pub(crate) use levels::{Levels, digits};
pub(crate) use measure_activations::input_tensor;
pub use measure_activations::measure_activations;
pub use paired::ModelPair;
pub(crate) use paired::PairedEvaluation;
use score_rules::ScoreRules;
pub use scorer::Detail;
use scorer::Scorer;

/// One task of an evaluation.
#[derive(Debug, Clone)]
pub struct EvaluatedTask<'a> {
    /// The task.
    pub task: &'a Task,
    /// The score that decides whether its items are right.
    pub score: Score,
    /// Indices of its items in the evaluation; under [`Score::Perplexity`], of the windows of its items' texts.
    pub range: Range<usize>,
}

/// Tasks in the tokens of a model, ready to be scored on the model and on its edits.
///
/// Items have one index over all tasks: first the items of the first task in file order, then those of the second, and
/// so on. Under [`Score::Perplexity`], each window of a text is an item.
#[derive(Debug)]
pub struct Evaluator<'a> {
    tasks: Vec<EvaluatedTask<'a>>,
    items: Vec<&'a Item>,
    groups: ItemGroups<'a>,
    /// For each item, its index in its task; for a window, the index of the item with the text.
    indices_in_task: Vec<usize>,
    content: Content<'a>,
}

/// What a model makes of the items.
#[derive(Debug)]
enum Content<'a> {
    /// Tokens that it reads.
    Texts(Texts<'a>),
    /// Levels that it plays.
    Levels(Levels),
}

/// Items in the tokens of a model.
#[derive(Debug)]
struct Texts<'a> {
    tokenizer: &'a Tokenizer,
    encoded: Vec<EncodedItem>,
    /// Tokens that end a continuation, sorted.
    eos: Vec<u32>,
    /// Number of tokens beyond which an item gets a batch of its own ([`Packing::alone_beyond`]).
    alone_beyond: Option<usize>,
    causal: bool,
}

impl<'a> Evaluator<'a> {
    /// Encodes the items of one or more tasks, each for its score.
    ///
    /// For a model that fills masks, [`Score::Fill`] replaces [`Score::Generate`].
    ///
    /// # Errors
    /// A model that reads no texts; no task, or two tasks with one name; an item that does not suit its score or is
    /// longer than the model's context; a continuation that could cross the length at which the model's rotary
    /// frequencies change.
    pub fn new(tasks: &[(&'a Task, Score)], tokenizer: &'a Tokenizer, config: &ModelConfig) -> Result<Self> {
        config.check_reads_texts()?;
        if tasks.is_empty() {
            return Err(Error::setting("tasks", "expected at least one, found none"));
        }
        let (mut evaluated, mut items) = (Vec::<EvaluatedTask>::with_capacity(tasks.len()), Vec::new());
        let (mut indices_in_task, mut encoded) = (Vec::new(), Vec::new());
        let kind = config.kind();
        for &(task, score) in tasks {
            if evaluated.iter().any(|other| other.task.name == task.name) {
                return Err(Error::setting("tasks", format!("expected different names, found `{}` twice", task.name)));
            }
            let score = score.of(kind);
            let first = items.len();
            for (index, item) in encode(task, tokenizer, score, config)? {
                items.push(&task.items[index]);
                indices_in_task.push(index);
                encoded.push(item);
            }
            evaluated.push(EvaluatedTask { task, score, range: first..items.len() });
        }
        // The configuration and the tokenizer may name different end tokens; each of them ends a text.
        let mut eos = tokenizer.eos_ids().to_vec();
        eos.extend(&config.eos);
        eos.sort_unstable();
        eos.dedup();
        Ok(Self {
            tasks: evaluated,
            items,
            groups: ItemGroups::of(tasks),
            indices_in_task,
            content: Content::Texts(Texts {
                tokenizer,
                encoded,
                eos,
                alone_beyond: config.length_dependent_beyond(),
                causal: kind == ModelKind::Causal,
            }),
        })
    }

    /// Reads the items of a task as levels that a Decision Transformer plays: the prompt has the rows, the gold answer the
    /// moves of a demonstration.
    ///
    /// # Errors
    /// Another score than [`Score::Play`]; a model that cannot play as the settings say; an item that is no level, or one
    /// that the model cannot see whole.
    pub fn of_levels(task: &'a Task, score: Score, settings: PlayerSettings, config: &ModelConfig) -> Result<Self> {
        let levels = Levels::read(task, score, settings, config)?;
        Ok(Self {
            tasks: vec![EvaluatedTask { task, score, range: 0..task.items.len() }],
            items: task.items.iter().collect(),
            groups: ItemGroups::of(&[(task, score)]),
            indices_in_task: (0..task.items.len()).collect(),
            content: Content::Levels(levels),
        })
    }

    /// The items as levels, if they are.
    pub(crate) fn levels(&self) -> Option<&Levels> {
        match &self.content {
            Content::Levels(levels) => Some(levels),
            Content::Texts(_) => None,
        }
    }

    /// The items in tokens.
    ///
    /// # Panics
    /// If the items are levels. All callers that may have levels ask [`Evaluator::levels`] first.
    fn texts(&self) -> &Texts<'a> {
        match &self.content {
            Content::Texts(texts) => texts,
            Content::Levels(_) => panic!("levels have no tokens"),
        }
    }

    /// Returns true for a model that continues texts, false for one that fills masks or plays levels.
    pub(crate) fn is_causal(&self) -> bool {
        matches!(&self.content, Content::Texts(texts) if texts.causal)
    }

    /// The tasks, at least one.
    pub fn tasks(&self) -> &[EvaluatedTask<'a>] {
        &self.tasks
    }

    /// The items of all tasks. For a window, the item with the text.
    pub fn items(&self) -> &[&'a Item] {
        &self.items
    }

    /// Index of item `index` in its task; for a window, the index of the item with the text.
    ///
    /// # Panics
    /// If there is no item `index`.
    pub fn index_in_task(&self, index: usize) -> usize {
        self.indices_in_task[index]
    }

    /// Number of tokens of the gold answer of an item, or of the scored tokens of a window.
    ///
    /// # Panics
    /// If there is no item `index`.
    pub(crate) fn answer_tokens(&self, index: usize) -> usize {
        self.texts().encoded[index].answer_tokens
    }

    /// The beginning of an item's answers: everything before their first tokens, and these.
    ///
    /// # Panics
    /// If there is no item `index`, or if the items are levels.
    pub(crate) fn answer_start(&self, index: usize) -> AnswerStart {
        self.texts().encoded[index].answer_start(self.texts().causal)
    }

    /// Packs questions about first tokens ([`AnswerStart`]) into batches; a batch counts them by their position in `starts`.
    pub(crate) fn first_token_batches(&self, starts: &[AnswerStart], target_rows: usize) -> Vec<Batch> {
        let encoded: Vec<EncodedItem> = starts.iter().map(AnswerStart::encoded).collect();
        plan(&encoded, &(0..encoded.len()).collect::<Vec<_>>(), self.packing(target_rows))
    }

    /// Number of tokens of the longest sequence that an item needs; of a level, the rows of its demonstration.
    ///
    /// # Panics
    /// If there is no item `index`.
    pub(crate) fn longest(&self, index: usize) -> usize {
        match self.levels() {
            Some(levels) => levels.demonstration_rows(index),
            None => self.texts().encoded[index].longest(),
        }
    }

    /// Text of the scored tokens of a window; `None` for items that are not windows.
    ///
    /// # Errors
    /// Tokens that cannot be decoded.
    pub fn window_text(&self, index: usize) -> Result<Option<String>> {
        if ScoreRules::of(self.tasks[self.task_index(index)].score).windows.is_none() {
            return Ok(None);
        }
        let scored = self.texts().encoded[index].candidates[0].scored_tokens.iter();
        let tokens: Vec<u32> = scored.map(|(_, token)| *token).collect();
        Ok(Some(self.texts().tokenizer.decode(&tokens)?))
    }

    /// Index in [`Evaluator::tasks`] of the task that item `index` belongs to.
    ///
    /// # Panics
    /// If there is no item `index`.
    pub(crate) fn task_index(&self, index: usize) -> usize {
        assert!(index < self.items.len(), "item {index} of {}", self.items.len());
        self.tasks.partition_point(|task| task.range.end <= index)
    }

    /// Returns, for each item, the index in [`Evaluator::tasks`] of its task.
    ///
    /// # Panics
    /// If one of the items does not exist.
    pub fn task_indices(&self, indices: &[usize]) -> Vec<usize> {
        indices.iter().map(|index| self.task_index(*index)).collect()
    }

    /// Name of the task that item `index` belongs to; `None` if there is only one task.
    pub fn task_name(&self, index: usize) -> Option<&'a str> {
        (self.tasks.len() > 1).then(|| self.tasks[self.task_index(index)].task.name.as_str())
    }

    /// The group with which item `index` is resampled: the task's own group ([`Item::group`]), joined with those that ask
    /// the same. Groups of different tasks are different.
    ///
    /// # Panics
    /// If there is no item `index`.
    pub fn group(&self, index: usize) -> String {
        let group = self.groups.in_task(self.task_index(index), self.indices_in_task[index]);
        self.task_name(index).map_or_else(|| group.to_owned(), |task| format!("{task}: {group}"))
    }

    /// The group by which item `index` gets its split. Items of several tasks that ask the same are in one group.
    ///
    /// # Panics
    /// If there is no item `index`.
    pub fn split_group(&self, index: usize) -> &'a str {
        self.groups.over_all(self.task_index(index), self.indices_in_task[index])
    }

    /// The split of item `index`: the one that its task gives it, else one by chance, decided by its group and the seed.
    ///
    /// # Panics
    /// If there is no item `index`.
    pub(crate) fn split(&self, index: usize, seed: u64, fractions: Fractions) -> Split {
        let by_chance = |fractions| assign_split(self.split_group(index), seed, fractions);
        match self.items[index].held_out {
            None => by_chance(fractions),
            Some(true) => Split::Test,
            Some(false) => by_chance(fractions.without_test()),
        }
    }

    /// Number of groups among all items of a task, by the index of the task.
    ///
    /// # Panics
    /// If there is no task `task`.
    pub(crate) fn n_groups(&self, task: usize) -> usize {
        self.groups.count(task)
    }

    /// Whether some item has another group than its task says.
    pub(crate) fn joins_groups(&self) -> bool {
        (0..self.items.len()).any(|index| self.split_group(index) != self.items[index].group)
    }

    fn packing(&self, target_rows: usize) -> Packing {
        let Texts { alone_beyond, causal, .. } = *self.texts();
        Packing { target_rows, alone_beyond, causal }
    }

    /// Packs items into batches, each with items of one task. `target_rows(score)`: number of rows at which a batch of
    /// that score is full.
    pub(crate) fn batches(&self, indices: &[usize], target_rows: impl Fn(Score) -> usize) -> Vec<Batch> {
        let of_task = |task: &EvaluatedTask| {
            let indices: Vec<usize> = indices.iter().copied().filter(|i| task.range.contains(i)).collect();
            plan(&self.texts().encoded, &indices, self.packing(target_rows(task.score)))
        };
        self.tasks.iter().flat_map(of_task).collect()
    }

    /// Packs the prompts of items, without their answers, into batches; of levels, what `model` reads of their
    /// demonstrations.
    ///
    /// # Errors
    /// A model that cannot play the levels.
    pub(crate) fn prompt_batches(&self, model: &Model, indices: &[usize], target_rows: usize) -> Result<Vec<Batch>> {
        if let Some(levels) = self.levels() {
            return Ok(plan_demonstrations(&levels.demonstrated(model, indices)?, target_rows));
        }
        let prompts: Vec<EncodedItem> = indices.iter().map(|i| self.texts().encoded[*i].prompt_only()).collect();
        Ok(plan(&prompts, &(0..prompts.len()).collect::<Vec<_>>(), self.packing(target_rows)))
    }

    /// Packs items into batches whose losses can be differentiated, in which no two items share a row. `select` chooses
    /// the parts of an item that are needed.
    ///
    /// Returns the selected items, in the order of `indices`, and the batches; a batch counts items by their position in
    /// `indices`. Of a level, the answer is the moves of its demonstration.
    ///
    /// # Errors
    /// A model that cannot play the levels.
    pub(crate) fn loss_batches(
        &self,
        model: &Model,
        indices: &[usize],
        target_rows: usize,
        select: impl Fn(&EncodedItem, Score) -> EncodedItem,
    ) -> Result<(Vec<EncodedItem>, Vec<Batch>)> {
        if let Some(levels) = self.levels() {
            let demonstrations = levels.demonstrated(model, indices)?;
            let items =
                demonstrations.iter().map(|steps| EncodedItem::of_moves(steps.iter().map(|(_, m)| *m))).collect();
            return Ok((items, plan_demonstrations(&demonstrations, target_rows)));
        }
        let score = |index: usize| self.tasks[self.task_index(index)].score;
        let encoded = &self.texts().encoded;
        let items: Vec<EncodedItem> = indices.iter().map(|i| select(&encoded[*i], score(*i))).collect();
        let batches = plan_unshared(&items, self.packing(target_rows));
        Ok((items, batches))
    }

    /// Sorts items by their task, then by their tokens, so that items of one batch are neighbours.
    pub(crate) fn sort(&self, indices: &mut [usize]) {
        if self.levels().is_some() {
            return; // levels share no rows
        }
        sort_by_tokens(&self.texts().encoded, indices);
        indices.sort_by_key(|index| self.task_index(*index));
    }

    /// Makes the scorer of a batch.
    pub(crate) fn scorer(&self, batch: &Batch, detail: Detail) -> Scorer<'_> {
        let task = &self.tasks[self.task_index(batch.items[0].index)]; // all items of a batch are of one task
        Scorer {
            task: task.task,
            items: &self.items,
            encoded: &self.texts().encoded,
            tokenizer: self.texts().tokenizer,
            score: task.score,
            rules: ScoreRules::of(task.score),
            eos: &self.texts().eos,
            detail,
        }
    }
}
