//! The subject of an explanation: a model with its questions, whose edited matrices are measured one by one.

use std::collections::{BTreeMap, BTreeSet};

use laser_model::Model;
use laser_model::weight_id::WeightId;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::answer_set::AnswerSet;
use super::matrix::{MeasuredMatrix, loss_per_token};
use super::part::{Part, PartKind, PartSettings, kept_rank, parts};
use super::questions::{FirstToken, Questions};
use super::stacked_pass::{Rows, StackedPass};
use crate::edit::Edit;
use crate::edit::reduction::Reduction;
use crate::edit::seed::derived_seed;
use crate::edit::truncation::Truncation;
use crate::error::Result;
use crate::evaluate::batch::Batch;
use crate::evaluate::{Evaluator, RunContext};

/// Rows of ordinary text at which a batch is full.
const TEXT_ROWS: usize = 128;

/// A model with its questions.
pub(crate) struct Subject<'a> {
    pub(crate) model: &'a Model,
    pub(crate) truncation: &'a Truncation,
    pub(crate) questions: &'a Questions<'a>,
    /// Tokens of generic answers.
    pub(crate) generic: BTreeSet<u32>,
    /// Texts of other generic answers, in lower case.
    pub(crate) words: BTreeSet<String>,
    pub(crate) settings: PartSettings<'a>,
    /// Ordinary text, if the loss on it is measured.
    pub(crate) text: Option<&'a Evaluator<'a>>,
    pub(crate) context: RunContext<'a>,
    /// Bound of the states of batches in memory, in bytes.
    pub(crate) memory: Option<usize>,
}

impl Subject<'_> {
    /// The answers of the unedited model. `id`: a matrix, below which everything is computed as for its parts.
    pub(crate) fn unedited(&self, id: WeightId) -> Result<Vec<FirstToken>> {
        let pass = self.pass(self.model, &self.questions.batches, id, "unedited");
        self.questions.answers(&pass.read(&[whole()])?.remove(0))
    }

    /// Measures all parts of the matrix `id`, which `edit` reduces; its other matrices are edited.
    pub(crate) fn measure(&self, id: WeightId, reduction: &Reduction, edit: &Edit) -> Result<MeasuredMatrix> {
        let (model, _) = self.truncation.apply(self.model, &edit.without(id, self.model.config()))?;
        let spectrum = self.truncation.spectrum(&model, id)?;
        let rank = kept_rank(&id.to_string(), reduction, &spectrum)?;
        let parts: Vec<Part> = parts(reduction, rank, &spectrum, &self.settings)?;
        let mut reductions: Vec<Reduction> = parts.iter().map(|part| part.reduction).collect();
        reductions.push(whole());
        let pass = self.pass(&model, &self.questions.batches, id, "parts");
        let mut sets = pass
            .read(&reductions)?
            .iter()
            .map(|rows| self.answer_set(self.questions.answers(rows)?))
            .collect::<Result<Vec<AnswerSet>>>()?;
        let whole = sets.pop().expect("the whole matrix was read last");
        let text_losses = self.text.map(|text| self.text_losses(&model, text, id, &parts)).transpose()?;
        Ok(MeasuredMatrix {
            id,
            reduction: reduction.to_string(),
            rank,
            spectrum,
            whole,
            parts: parts.into_iter().zip(sets).collect(),
            text_losses,
        })
    }

    /// Loss a token on ordinary text of the whole matrix, and of each share of its largest components.
    fn text_losses(
        &self,
        model: &Model,
        text: &Evaluator<'_>,
        id: WeightId,
        parts: &[Part],
    ) -> Result<(f64, BTreeMap<String, f64>)> {
        let passages: Vec<usize> = (0..text.items().len()).collect();
        let batches = text.batches(&passages, |_| TEXT_ROWS);
        let tops = parts.iter().filter(|part| part.kind == PartKind::Top);
        let mut reductions: Vec<Reduction> = tops.map(|part| part.reduction).collect();
        reductions.push(whole());
        let pass = self.pass(model, &batches, id, "ordinary text");
        let rows: Vec<Rows> = pass.read(&reductions)?;
        let mut losses: Vec<f64> = rows.iter().map(|rows| loss_per_token(&batches, rows)).collect();
        let whole = losses.pop().expect("the whole matrix was read last");
        Ok((whole, reductions.iter().map(Reduction::to_string).zip(losses).collect()))
    }

    /// Answers with their classes.
    pub(crate) fn answer_set(&self, answers: Vec<FirstToken>) -> Result<AnswerSet> {
        let classes = self.questions.classes(&answers, &self.generic, &self.words)?;
        Ok(AnswerSet { answers, classes })
    }

    /// Another right answer of the relation of each question, drawn at random; `None` where there is none.
    pub(crate) fn others_of_type(&self) -> Vec<Option<u32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(derived_seed(self.settings.seed, "answers of the same type"));
        let draw = |question: usize| {
            let others = self.questions.others_of_type(question);
            (!others.is_empty()).then(|| others[rng.random_range(0..others.len())])
        };
        (0..self.questions.len()).map(draw).collect()
    }

    fn pass<'s>(&'s self, model: &Model, batches: &'s [Batch], id: WeightId, stage: &'s str) -> StackedPass<'s> {
        let context = RunContext { stage, ..self.context };
        StackedPass::new(model, batches, id, self.truncation, context, self.memory)
    }
}

/// The reduction that keeps everything.
fn whole() -> Reduction {
    "1".parse().expect("a reduction")
}
