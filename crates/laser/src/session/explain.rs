//! Explains an edit of a session's model on a task.

use std::collections::{BTreeMap, BTreeSet};

use laser_linalg::{RankFraction, Spectrum};
use laser_model::Model;
use laser_model::weight_id::WeightId;
use laser_statistics::{Fractions, Split, group_ids};
use laser_task::score::Score;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ScoredTasks, Session};
use crate::edit::reduction::Reduction;
use crate::edit::seed::derived_seed;
use crate::edit::truncation::{SvdMethod, Truncation};
use crate::edit::{Edit, parse_selector};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, RunContext};
use crate::explain::{
    AnswerSet, ChangedItems, CosineTargets, Explanation, FUNCTION_WORDS, FirstToken, MatrixSpectrum, MeasuredMatrix,
    PAPER_BOTTOMS, Part, PartAnswer, PartKind, PartSettings, QuestionRecord, Questions, Rows, StackedPass,
    WordDirections, kept_rank, loss_per_token, parts,
};
use crate::gradient::{Loss, sensitivities};
use crate::price::OrdinaryText;
use crate::run::RunFolder;

/// Rows of ordinary text at which a batch is full.
const TEXT_ROWS: usize = 128;

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

/// The inputs of the measurements of one matrix.
struct Subject<'a> {
    model: &'a Model,
    truncation: &'a Truncation,
    questions: &'a Questions<'a>,
    generic: BTreeSet<u32>,
    words: BTreeSet<String>,
    options: &'a ExplainOptions,
    text: Option<&'a Evaluator<'a>>,
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
        let truncation = self.truncation(SvdMethod::Exact)?;
        let model = self.load()?;
        let text = if options.no_side_effects { None } else { OrdinaryText::open(self.config(), tokenizer)? };
        let text = text.as_ref().map(|text| text.evaluator(tokenizer, self.config())).transpose()?;

        // The unedited model: the highest edited matrix in full, so that little is computed above it.
        let (top, _) = options.edit.reductions().last().expect("the edit is not empty");
        let whole: Reduction = "1".parse().expect("a reduction");
        let pass = StackedPass::new(&model, &questions.batches, top, &truncation, self.explain_context("unedited"))?;
        let unedited = questions.answers(&pass.read(&[whole])?.remove(0))?;
        drop(pass);
        let frequent = questions.frequent_wrong_answers(&unedited);
        let subject = Subject {
            model: &model,
            truncation: &truncation,
            questions: &questions,
            generic: frequent.iter().copied().collect(),
            words: options.generic.iter().map(|word| word.trim().to_lowercase()).collect(),
            options,
            text: text.as_ref(),
        };
        let base = subject.answer_set(unedited)?;
        let measured = options
            .edit
            .reductions()
            .map(|(id, reduction)| self.measure_matrix(&subject, id, reduction))
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
        let words = [Some(WordDirections::of(&model)?), WordDirections::of_embedding(&model)?];
        let words = [words[0].as_ref(), words[1].as_ref()];
        let mut matrices = Vec::with_capacity(measured.len());
        for matrix in &measured {
            let others = options.edit.without(matrix.id, self.config());
            let (model, _) = truncation.apply(&model, &others)?;
            let context = self.explain_context("attribution");
            let effects =
                sensitivities(&model, &evaluator, &questions.items, &[matrix.id], &truncation, Loss::LogLoss, context)?;
            matrices.push(matrix.explanation(&changed, &targets, words, &effects[&matrix.id]));
        }
        let transition = |table: &mut [[usize; 4]; 4], question: usize| {
            table[base.classes[question] as usize][edited.classes[question] as usize] += 1;
        };
        let mut transitions = [[0; 4]; 4];
        (0..questions.len()).for_each(|question| transition(&mut transitions, question));
        let records = (0..questions.len())
            .map(|question| {
                let item = questions.items[question];
                let source = evaluator.items()[item];
                Ok(QuestionRecord {
                    id: source.id.clone(),
                    group: evaluator.group(item),
                    split: split(item),
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

    /// Options that explain the edit of a search on the split they name, which is that of the search.
    ///
    /// # Errors
    /// A folder that is not that of a search, one that proposes no edit, or one of another model, other tasks or other
    /// splits.
    pub fn options_for_run(
        &self,
        tasks: &ScoredTasks,
        run: &RunFolder,
        options: ExplainOptions,
    ) -> Result<ExplainOptions> {
        let results = run.results()?;
        let differs = |what: &str| Err(Error::setting("run", format!("{}: {what}", run.path().display())));
        if !results.proposes_edit() {
            return differs("the search proposes no edit, so that there is nothing to explain");
        }
        let own = self.manifest(tasks)?;
        if results.manifest.model.sha256 != own.model.sha256 {
            return differs("the search was of another model");
        }
        if results.manifest.task.sha256 != own.task.sha256 {
            return differs("the search was on other items");
        }
        let edit = Edit::parse(&results.best.edit, self.config())?;
        let split_seed = results.manifest.seeds.get("split").copied().unwrap_or(options.split_seed);
        let options = ExplainOptions { edit, split_seed, ..options };
        // The samples say which items the search kept for its proof.
        let evaluator = self.evaluator(tasks)?;
        let of_run: BTreeMap<usize, Split> =
            run.samples()?.iter().map(|sample| (sample.doc_id, sample.split)).collect();
        let agrees = |(item, split): (&usize, &Split)| {
            *item < evaluator.items().len() && evaluator.split(*item, split_seed, options.fractions) == *split
        };
        if !of_run.iter().all(agrees) {
            return differs("the search had other splits: expected the same shares of search and validation items");
        }
        Ok(options)
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

    fn measure_matrix(&self, subject: &Subject<'_>, id: WeightId, reduction: &Reduction) -> Result<MeasuredMatrix> {
        let Subject { truncation, questions, options, .. } = *subject;
        let others = options.edit.without(id, self.config());
        let (model, _) = truncation.apply(subject.model, &others)?;
        let spectrum = spectrum_of(&model, truncation, id)?;
        let rank = kept_rank(&id.to_string(), reduction, &spectrum)?;
        let settings = PartSettings { bottoms: &options.bottoms, controls: options.controls, seed: options.seed };
        let parts: Vec<Part> = parts(reduction, rank, &spectrum, &settings)?;
        let mut reductions: Vec<Reduction> = parts.iter().map(|part| part.reduction).collect();
        reductions.push("1".parse().expect("a reduction"));
        let context = self.explain_context("parts");
        let pass = StackedPass::new(&model, &questions.batches, id, truncation, context)?;
        let mut sets = pass
            .read(&reductions)?
            .iter()
            .map(|rows| subject.answer_set(questions.answers(rows)?))
            .collect::<Result<Vec<AnswerSet>>>()?;
        drop(pass);
        let whole = sets.pop().expect("the whole matrix was read last");
        let text_losses =
            subject.text.map(|text| self.text_losses(&model, text, id, &parts, truncation)).transpose()?;
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
        truncation: &Truncation,
    ) -> Result<(f64, BTreeMap<String, f64>)> {
        let passages: Vec<usize> = (0..text.items().len()).collect();
        let batches = text.batches(&passages, |_| TEXT_ROWS);
        let tops = parts.iter().filter(|part| part.kind == PartKind::Top);
        let mut reductions: Vec<Reduction> = tops.map(|part| part.reduction).collect();
        reductions.push("1".parse().expect("a reduction"));
        let pass = StackedPass::new(model, &batches, id, truncation, self.explain_context("ordinary text"))?;
        let rows: Vec<Rows> = pass.read(&reductions)?;
        let mut losses: Vec<f64> = rows.iter().map(|rows| loss_per_token(&batches, rows)).collect();
        let whole = losses.pop().expect("the whole matrix was read last");
        Ok((whole, reductions.iter().map(Reduction::to_string).zip(losses).collect()))
    }

    /// Spectra of matrices, by layer. `matrices`: such as `all`, `mlp` or `L20-27.up_proj`.
    ///
    /// # Errors
    /// Matrices that the model does not have, or an interruption.
    pub fn spectra(&self, matrices: &str) -> Result<Vec<MatrixSpectrum>> {
        let ids = parse_selector(matrices, self.config())?;
        self.spectra_of(&self.load()?, &self.truncation(SvdMethod::Exact)?, &ids, &Edit::default())
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

    fn spectra_of(
        &self,
        model: &Model,
        truncation: &Truncation,
        ids: &[WeightId],
        edit: &Edit,
    ) -> Result<Vec<MatrixSpectrum>> {
        let edited: Vec<WeightId> = edit.reductions().map(|(id, _)| id).collect();
        let context = self.explain_context("spectra");
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if context.observer.stopped() {
                return Err(Error::Interrupted);
            }
            let spectrum = spectrum_of(model, truncation, *id)?;
            found.push(MatrixSpectrum::new(*id, &spectrum, edited.contains(id)));
            context.progress(found.len(), ids.len());
        }
        Ok(found)
    }

    fn explain_manifest(&self, tasks: &ScoredTasks, options: &ExplainOptions) -> Result<crate::results::Manifest> {
        let mut manifest = self.manifest(tasks)?;
        let bottoms: Vec<String> = options.bottoms.iter().map(RankFraction::to_string).collect();
        for (key, value) in [
            ("split", options.split.to_string().into()),
            ("bottoms", bottoms.into()),
            ("controls", options.controls.into()),
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

impl Subject<'_> {
    fn answer_set(&self, answers: Vec<FirstToken>) -> Result<AnswerSet> {
        let classes = self.questions.classes(&answers, &self.generic, &self.words)?;
        Ok(AnswerSet { answers, classes })
    }

    /// Another right answer of the relation of each question, drawn at random; `None` where there is none.
    fn others_of_type(&self) -> Vec<Option<u32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(derived_seed(self.options.seed, "answers of the same type"));
        let draw = |question: usize| {
            let others = self.questions.others_of_type(question);
            (!others.is_empty()).then(|| others[rng.random_range(0..others.len())])
        };
        (0..self.questions.len()).map(draw).collect()
    }
}

/// The spectrum of a matrix as loaded.
fn spectrum_of(model: &Model, truncation: &Truncation, id: WeightId) -> Result<Spectrum> {
    let matrix = model.matrix(id)?;
    let singular = truncation.svd(id, &matrix)?.s;
    Spectrum::new(singular, matrix.rows(), matrix.cols())
        .map_err(|source| Error::Linalg { matrix: id.to_string(), source })
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
