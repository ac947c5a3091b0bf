//! Evaluates a session's model, or an edit of it, on tasks.

use std::path::Path;
use std::sync::Arc;

use laser_statistics::{Fractions, Split, most_frequent};

use super::continuations::CONTINUATIONS;
use super::manifest::score_value;
use super::price::{PricedEdit, spread};
use super::{ScoredTasks, Session};
use crate::edit::Edit;
use crate::edit::delta::Delta;
use crate::edit::truncation::{SvdMethod, TruncationRecord, removal_notes};
use crate::error::{Error, Result};
use crate::evaluate::ModelPair;
use crate::evaluate::outcome::Outcome;
use crate::evaluate::{Evaluator, RunContext};
use crate::results::harness::Output;
use crate::results::{EvalResults, SampleRecord};
use crate::run::{RunFolder, constant_answers, samples, samples_with_answers, scores, task_scores};
use crate::team::Team;

/// Seed of the bootstrap of an evaluation's price.
const PRICE_SEED: u64 = 0;

/// Options of an evaluation.
#[derive(Debug, Clone)]
pub struct EvaluateOptions {
    /// Edit to apply first; empty: the model as it is.
    pub edit: Edit,
    /// Decomposition of the edited matrices.
    pub svd: SvdMethod,
    /// File that holds the edited matrices, which are then not computed.
    pub delta: Option<Arc<Delta>>,
    /// Items to evaluate: all, or those of one split.
    pub split: Split,
    /// Shares of the search and validation splits.
    pub fractions: Fractions,
    /// Seed of the splits.
    pub split_seed: u64,
    /// Leave out the measurement of what the edit costs elsewhere.
    pub no_side_effects: bool,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            edit: Edit::default(),
            svd: SvdMethod::default(),
            delta: None,
            split: Split::All,
            fractions: Fractions::new(0.4, 0.2).expect("the shares sum to less than 1"),
            split_seed: 0,
            no_side_effects: false,
        }
    }
}

/// A finished evaluation.
#[derive(Debug)]
pub struct Evaluation<'a> {
    /// Results, as `results.json` has them under the key `laser`.
    pub results: EvalResults,
    /// One record an item, in the order of the tasks and their items.
    pub samples: Vec<SampleRecord>,
    /// Outcomes, in the order of the samples.
    pub outcomes: Vec<Outcome>,
    /// Rank, size and error of each edited matrix.
    pub truncations: Vec<TruncationRecord>,
    evaluator: Evaluator<'a>,
    indices: Vec<usize>,
    limit: Option<usize>,
}

impl Evaluation<'_> {
    /// Results and samples under the names of lm-evaluation-harness.
    ///
    /// The harness's standard error of a perplexity is a bootstrap of 100,000 draws, which takes seconds.
    pub fn harness_output(&self) -> Output {
        Output::new(&self.evaluator, &self.indices, &self.outcomes, &self.samples, &self.results, self.limit)
    }

    /// Writes `results.json` and a `samples_TASK.jsonl` for each task into a folder.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        RunFolder::new(folder).write_eval(&self.harness_output())
    }
}

impl Session {
    /// Evaluates the model, or an edit of it.
    ///
    /// # Errors
    /// Items that do not fit the model, a split without items, an edit that cannot be applied, or an interruption.
    pub fn evaluate<'a>(&'a self, tasks: &'a ScoredTasks, options: &EvaluateOptions) -> Result<Evaluation<'a>> {
        let evaluator = self.evaluator(tasks)?;
        let split = |index: usize| match options.split {
            Split::All => Split::All,
            _ => evaluator.split(index, options.split_seed, options.fractions),
        };
        let indices: Vec<usize> = (0..evaluator.items().len()).filter(|i| split(*i) == options.split).collect();
        for (i, part) in evaluator.tasks().iter().enumerate() {
            if !indices.iter().any(|i| part.range.contains(i)) {
                let (wanted, n, name) = (options.split, part.range.len(), &part.task.name);
                let problem = if evaluator.n_groups(i) == 1 && n > 1 {
                    let split = split(part.range.start);
                    format!("{wanted}: all {n} items of {name} are in one group, which is in the {split} split")
                } else {
                    format!("{wanted}: none of the {n} items of {name} is in it")
                };
                return Err(Error::setting("split", problem));
            }
        }
        let truncation = self.truncation(options.svd).with_delta(options.delta.clone());
        let base = self.load()?;
        let (model, truncations) = if options.edit.is_empty() {
            (base.clone(), Vec::new())
        } else {
            truncation.apply(&base, &options.edit)?
        };
        let context = RunContext { threads: self.threads(), stage: "eval", observer: &*self.options.observer };
        let outcomes = evaluator.evaluate(&model, &indices, context)?;
        let price = match options.edit.first_layer().filter(|_| !options.no_side_effects) {
            Some(first_layer) => {
                let sampled = spread(&indices, CONTINUATIONS);
                let (models, team) = (ModelPair { base: &base, edited: &model, first_layer }, &Team::ALONE);
                let continuations = self.continuations(&evaluator, models, &sampled, team)?;
                let priced = PricedEdit {
                    models,
                    evaluator: &evaluator,
                    items: &indices,
                    texts: &continuations.into_values().collect::<Vec<_>>(),
                    team,
                };
                self.price(tasks, &priced, PRICE_SEED)?
            }
            None => None,
        };
        drop((base, model));
        let samples = samples(&evaluator, &indices, &outcomes, split);
        let results = self.results(tasks, options, &evaluator, &outcomes, &samples, &truncations)?;
        let results = EvalResults { price, ..results };
        Ok(Evaluation { results, samples, outcomes, truncations, evaluator, indices, limit: tasks.limit })
    }

    fn results(
        &self,
        tasks: &ScoredTasks,
        options: &EvaluateOptions,
        evaluator: &Evaluator<'_>,
        outcomes: &[Outcome],
        samples: &[SampleRecord],
        truncations: &[TruncationRecord],
    ) -> Result<EvalResults> {
        let mut manifest = self.manifest(tasks)?;
        let plain = "settings and records are plain data";
        manifest.config.insert("score".into(), score_value(evaluator));
        manifest.config.insert("svd".into(), serde_json::to_value(options.svd).expect(plain));
        manifest.config.insert("truncations".into(), serde_json::to_value(truncations).expect(plain));
        manifest.seeds.insert("split".into(), options.split_seed);
        if tasks.iter().any(|(task, _)| task.num_fewshot > 0) {
            manifest.seeds.insert("fewshot".into(), tasks.fewshot_seed);
        }
        let mut notes = self.notes();
        notes.extend(tasks.notes());
        notes.extend(removal_notes(truncations));
        let ties = outcomes.iter().filter(|outcome| outcome.tied).count();
        if ties > 0 {
            notes.push(format!("{ties} items were decided by a tie"));
        }
        let targets: Vec<&str> = samples_with_answers(samples).into_iter().map(|s| s.target.as_str()).collect();
        Ok(EvalResults {
            edit: (!options.edit.is_empty()).then(|| options.edit.to_string()),
            scores: scores(evaluator, samples),
            tasks: task_scores(evaluator, samples),
            // Nobody would give the moves of one level in all others.
            majority: if evaluator.levels().is_some() { None } else { most_frequent(&targets) },
            always: if let [part] = evaluator.tasks() { constant_answers(part, samples) } else { Vec::new() },
            price: None,
            manifest,
            notes,
        })
    }
}
