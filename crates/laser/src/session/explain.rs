//! Explains an edit of a session's model on a task.

use std::collections::BTreeSet;

use laser_linalg::RankFraction;
use laser_model::weight_id::WeightId;
use laser_statistics::{Fractions, Split, group_ids};
use laser_task::score::Score;

use super::{ScoredTasks, Session};
use crate::edit::truncation::SvdMethod;
use crate::edit::{Edit, parse_selector};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, RunContext};
use crate::explain::{
    AnswerSet, ChangedItems, CosineTargets, Explanation, FUNCTION_WORDS, MeasuredMatrix, PAPER_BOTTOMS, Part,
    PartAnswer, PartKind, PartSettings, QuestionRecord, Questions, Subject, WordDirections,
};
use crate::gradient::{Loss, sensitivities};
use crate::price::OrdinaryText;
use crate::results::Manifest;

/// Options of an explanation.
#[derive(Debug, Clone)]
pub struct ExplainOptions {
    /// The edit to explain; each of its reductions keeps the largest components.
    pub edit: Edit,
    /// Items to read: all, or those of one split.
    pub split: Split,
    /// Shares of the search and validation splits.
    pub fractions: Fractions,
    /// Seed of the splits.
    pub split_seed: u64,
    /// Shares of the smallest components that are kept alone.
    pub bottoms: Vec<RankFraction>,
    /// Number of draws of random components at the edit's rank, and at its energy.
    pub controls: usize,
    /// Seed of the draws and the bootstraps.
    pub seed: u64,
    /// Words that count as generic answers, besides the unedited model's most frequent wrong ones; in any case.
    pub generic: Vec<String>,
    /// Matrices whose spectra are described; `None`: those of the edited kinds, in all layers.
    pub spectra: Option<String>,
    /// Leave out the loss on ordinary text.
    pub no_side_effects: bool,
}

impl Default for ExplainOptions {
    fn default() -> Self {
        Self {
            edit: Edit::default(),
            split: Split::All,
            fractions: Fractions::new(0.4, 0.2).expect("the shares sum to less than 1"),
            split_seed: 0,
            bottoms: PAPER_BOTTOMS.map(|share| share.parse().expect("a share")).to_vec(),
            controls: 5,
            seed: 0,
            generic: FUNCTION_WORDS.map(str::to_owned).to_vec(),
            spectra: None,
            no_side_effects: false,
        }
    }
}

/// An explanation with its items.
#[derive(Debug, Clone)]
pub struct ExplainedEdit {
    /// All numbers.
    pub explanation: Explanation,
    /// One record for each item.
    pub questions: Vec<QuestionRecord>,
}

impl Session {
    /// Explains an edit: what the parts of each edited matrix say, on the first token of every answer.
    ///
    /// # Errors
    /// An edit that is empty or does not keep the largest components; more than one task, or one without answers; a split
    /// without items; an interruption.
    pub fn explain(&self, tasks: &ScoredTasks, options: &ExplainOptions) -> Result<ExplainedEdit> {
        if options.edit.is_empty() {
            return Err(Error::setting("edit", "expected an edit to explain, found none"));
        }
        let spectra = self.matrices_of_spectra(options)?;
        let tokenizer = self.tokenizer()?;
        let evaluator = self.first_token_evaluator(tasks)?;
        let split = |index: usize| evaluator.split(index, options.split_seed, options.fractions);
        let in_split = |index: &usize| options.split == Split::All || split(*index) == options.split;
        let indices: Vec<usize> = (0..evaluator.items().len()).filter(in_split).collect();
        if indices.is_empty() {
            return Err(Error::setting("split", format!("{}: no item of the task is in it", options.split)));
        }
        let questions = Questions::new(&evaluator, &indices, tokenizer, self.config().vocab_size)?;
        let truncation = self.truncation(SvdMethod::Exact);
        let model = self.load()?;
        let text = if options.no_side_effects { None } else { OrdinaryText::open(self.config(), tokenizer)? };
        let text = text.as_ref().map(|text| text.evaluator(tokenizer, self.config())).transpose()?;

        let mut subject = Subject {
            model: &model,
            truncation: &truncation,
            questions: &questions,
            generic: BTreeSet::new(),
            words: options.generic.iter().map(|word| word.trim().to_lowercase()).collect(),
            settings: PartSettings { bottoms: &options.bottoms, controls: options.controls, seed: options.seed },
            text: text.as_ref(),
            context: self.explain_context("explain"),
            memory: self.state_memory(),
        };
        // The highest edited matrix, so that little is computed above it.
        let (top, _) = options.edit.reductions().last().expect("the edit is not empty");
        let unedited = subject.unedited(top)?;
        let frequent = questions.frequent_wrong_answers(&unedited);
        subject.generic = frequent.iter().copied().collect();
        let base = subject.answer_set(unedited)?;
        let measured = options
            .edit
            .reductions()
            .map(|(id, reduction)| subject.measure(id, reduction, &options.edit))
            .collect::<Result<Vec<MeasuredMatrix>>>()?;
        // With all others edited, the part that the edit keeps is the whole edit.
        let edited = measured[0].part(PartKind::Edit).expect("every matrix has this part").clone();
        let changed = ChangedItems { fixed: edited.right_only(&base), broken: base.right_only(&edited) };
        let groups = group_ids(questions.items.iter().map(|item| evaluator.group(*item)));
        let gold: Vec<u32> = (0..questions.len()).map(|question| questions.gold(question)).collect();
        let targets = CosineTargets {
            gold: &gold,
            other_of_type: &subject.others_of_type(),
            generic: frequent.first().copied(),
            groups: &groups,
            fixed: &changed.fixed,
            seed: options.seed,
        };
        let (head, embedding) = (WordDirections::of(&model)?, WordDirections::of_embedding(&model)?);
        let mut matrices = Vec::with_capacity(measured.len());
        for matrix in &measured {
            let others = options.edit.without(matrix.id, self.config());
            let (model, _) = truncation.apply(&model, &others)?;
            let context = self.explain_context("attribution");
            let effects =
                sensitivities(&model, &evaluator, &questions.items, &[matrix.id], &truncation, Loss::LogLoss, context)?;
            matrices.push(matrix.explanation(&changed, &targets, &head, embedding.as_ref(), &effects[&matrix.id]));
        }
        let mut transitions = [[0; 4]; 4];
        for (before, after) in base.classes.iter().zip(&edited.classes) {
            transitions[*before as usize][*after as usize] += 1;
        }
        let records = (0..questions.len())
            .map(|question| {
                let item = questions.items[question];
                let source = evaluator.items()[item];
                Ok(QuestionRecord {
                    id: source.id.clone(),
                    group: evaluator.group(item),
                    split: split(item),
                    relation: source.relation.clone(),
                    prompt: source.prompt.clone(),
                    target: source.target().to_owned(),
                    gold_token: questions.word(gold[question])?,
                    base: base.record(question, &questions)?,
                    edited: edited.record(question, &questions)?,
                    parts: part_answers(&measured, question, &questions)?,
                })
            })
            .collect::<Result<Vec<QuestionRecord>>>()?;
        let explanation = Explanation {
            edit: options.edit.to_string(),
            split: options.split,
            items: questions.len(),
            groups: groups.iter().max().map_or(0, |last| *last as usize + 1),
            fixed: changed.fixed.len(),
            broken: changed.broken.len(),
            base: base.scores(),
            edited: edited.scores(),
            generic: frequent.iter().map(|token| questions.word(*token)).collect::<Result<_>>()?,
            transitions,
            matrices,
            spectra: self.spectra_of(&model, &truncation, &spectra, &options.edit)?,
            manifest: self.explain_manifest(tasks, options)?,
            notes: self.explain_notes(tasks, questions.left_out),
        };
        Ok(ExplainedEdit { explanation, questions: records })
    }

    /// The task, scored by the first token of its answers.
    fn first_token_evaluator<'a>(&'a self, tasks: &'a ScoredTasks) -> Result<Evaluator<'a>> {
        let [(task, score)] = tasks.by_reference()[..] else {
            return Err(Error::setting("task", format!("expected one task, found {}", tasks.names().join(","))));
        };
        if score.is_perplexity() || tasks.player.is_some() {
            let problem = format!("{}: expected a task with answers, of which the first token is read", task.name);
            return Err(Error::setting("task", problem));
        }
        let has_choices = task.items.iter().all(|item| !item.choices.is_empty());
        Evaluator::new(
            &[(task, if has_choices { Score::CHOICE } else { Score::TOP1 })],
            self.tokenizer()?,
            self.config(),
        )
    }

    /// The matrices whose spectra the options ask for.
    fn matrices_of_spectra(&self, options: &ExplainOptions) -> Result<Vec<WeightId>> {
        let Some(selector) = &options.spectra else {
            let kinds: BTreeSet<String> =
                options.edit.reductions().map(|(id, _)| format!("L*.{}", id.in_layer())).collect();
            return parse_selector(&kinds.into_iter().collect::<Vec<_>>().join(","), self.config());
        };
        parse_selector(selector, self.config())
    }

    fn explain_manifest(&self, tasks: &ScoredTasks, options: &ExplainOptions) -> Result<Manifest> {
        let mut manifest = self.manifest(tasks)?;
        let bottoms: Vec<String> = options.bottoms.iter().map(RankFraction::to_string).collect();
        for (key, value) in [
            ("split", options.split.to_string().into()),
            ("bottoms", bottoms.into()),
            ("controls", options.controls.into()),
            ("generic", options.generic.clone().into()),
        ] {
            manifest.config.insert(key.to_owned(), value);
        }
        manifest.seeds.insert("split".into(), options.split_seed);
        manifest.seeds.insert("random".into(), options.seed);
        Ok(manifest)
    }

    fn explain_notes(&self, tasks: &ScoredTasks, left_out: usize) -> Vec<String> {
        let mut notes = self.notes();
        notes.extend(tasks.notes());
        if left_out > 0 {
            let text = "whose choices begin with the same token are left out: only first tokens are read";
            notes.push(format!("{left_out} items {text}"));
        }
        if tasks.iter().all(|(task, _)| task.items.iter().all(|item| item.relation.is_empty())) {
            notes.push(
                "the items name no relation, so that the right answers of all of them are of one type".to_owned(),
            );
        }
        notes
    }

    fn explain_context<'a>(&'a self, stage: &'a str) -> RunContext<'a> {
        RunContext { threads: self.threads(), stage, observer: &*self.options.observer }
    }
}

/// The answers of all parts of all matrices to one question.
fn part_answers(measured: &[MeasuredMatrix], question: usize, questions: &Questions<'_>) -> Result<Vec<PartAnswer>> {
    let of_matrix = |matrix: &MeasuredMatrix| {
        let of_part = |(part, answers): &(Part, AnswerSet)| {
            Ok(PartAnswer {
                matrix: matrix.id.to_string(),
                kind: part.kind,
                reduction: part.reduction.to_string(),
                answer: answers.record(question, questions)?,
            })
        };
        matrix.parts.iter().map(of_part).collect::<Result<Vec<PartAnswer>>>()
    };
    Ok(measured.iter().map(of_matrix).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}
