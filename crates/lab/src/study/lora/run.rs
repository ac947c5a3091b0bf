//! Runs the study: adapter, two searches, analysis and comparison.

use std::path::Path;

use laser::lora::AdapterAnalysis;
use laser::results::number_format::percent;
use laser::run::RunFolder;
use laser::search::Protocol;
use laser::statistics::{Fractions, Split};
use laser::{AdapterOptions, BehaviourOptions, Edit, Observer, ScoredTasks, SearchOptions, Session};
use serde::Serialize;
use serde_json::json;

use crate::error::{Error, Result};
use crate::lora_training::LoraTraining;
use crate::study::study_folder::StudyFolder;
use crate::training::JournalLine;

/// Settings of the study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoraStudy {
    /// Training of the adapter.
    pub training: LoraTraining,
    /// Share of the groups of items that the adapter learns from; the others are searched and tested.
    pub tuned_share: f64,
    /// Shares of the search and validation splits among the others.
    pub fractions: Fractions,
    /// Seed of the parts and splits.
    pub split_seed: u64,
    /// Number of random updates with which each matrix is compared.
    pub draws: usize,
    /// Seed of the random updates and of the bootstraps.
    pub seed: u64,
}

/// The edit of one model that the comparison uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundEdit {
    /// The edit in short form; `None` if the search tried none.
    pub edit: Option<String>,
    /// True for an edit that the search proposes. Otherwise it is the finalist with the largest estimated gain or, without finalists,
    /// the edit that gained most on the search split: one that the search does not believe in.
    pub is_proposed: bool,
    /// Verdict of the search in a sentence.
    pub verdict: String,
}

/// Results of the study.
#[derive(Debug, Clone, Serialize)]
pub struct LoraResult {
    /// Settings that were used.
    pub study: LoraStudy,
    /// The outcome in sentences.
    pub verdict: String,
    /// Number of items that the adapter learned from.
    pub tuned_items: usize,
    /// Number of the other items.
    pub held_out_items: usize,
    /// Loss of the last training step, nats a token.
    pub training_loss: f64,
    /// Search of the base model.
    pub base_search: FoundEdit,
    /// Search of the tuned model.
    pub tuned_search: FoundEdit,
    /// The adapter against what edits keep and remove, and the answers of all models.
    pub analysis: AdapterAnalysis,
}

impl LoraStudy {
    /// Runs the study in the folder `out`, or what is left of it; gives its results, which are written there too. `base` is
    /// the model, `open` opens a model by its name.
    ///
    /// # Errors
    /// Settings that cannot be used, a folder of another study, a training or search that fails, an interruption.
    pub fn run(
        &self,
        out: &Path,
        base: &Session,
        tasks: &ScoredTasks,
        observer: &dyn Observer,
        open: &dyn Fn(&str) -> laser::Result<Session>,
    ) -> Result<LoraResult> {
        if !(self.tuned_share > 0.0 && self.tuned_share < 1.0) {
            let problem = format!("expected a number between 0 and 1, found {}", self.tuned_share);
            return Err(Error::setting("tuned-share", problem));
        }
        let [taught, held_out] = base.divide(tasks, self.tuned_share, self.split_seed)?;
        let items = |tasks: &ScoredTasks| tasks.iter().map(|(task, _)| task.items.len()).sum::<usize>();
        let hashes: Vec<String> = tasks.iter().map(|(task, _)| task.sha256()).collect();
        let plan = json!({
            "study": self, "model": base.name(), "model_sha256": base.sha256()?,
            "tasks": tasks.names(), "tasks_sha256": hashes,
        });
        let folder = StudyFolder::open(out, &plan)?;
        let adapter = folder.part("adapter");
        let training_loss = self.adapter(&adapter, base, &taught, observer)?;
        let tuned = open(&format!("{}+adapter:{}", base.base_name(), adapter.display()))?;
        let base_search = self.search(&folder.part("base-search"), base, &held_out)?;
        let tuned_search = self.search(&folder.part("tuned-search"), &tuned, &held_out)?;
        let edit = |found: &FoundEdit| -> Result<Option<Edit>> {
            Ok(found.edit.as_deref().map(|text| Edit::parse(text, base.config())).transpose()?)
        };
        let (base_edit, tuned_edit) = (edit(&base_search)?, edit(&tuned_search)?);
        let options = AdapterOptions {
            edit: base_edit.clone().unwrap_or_default(),
            draws: self.draws,
            seed: self.seed,
            ..AdapterOptions::default()
        };
        let mut analysis = tuned.analyse_adapter(base, &options)?;
        if let Some(edit) = base_edit {
            let options = BehaviourOptions {
                edit,
                adapted_edit: tuned_edit,
                svd: laser::edit::truncation::SvdMethod::Exact,
                update_ranks: vec![1],
                split: Split::Test,
                fractions: self.fractions,
                split_seed: self.split_seed,
                seed: self.seed,
            };
            analysis.behaviour = Some(tuned.compare_behaviour(base, &held_out, &options)?);
        }
        RunFolder::new(folder.part("analysis")).write_adapter(&analysis)?;
        let result = LoraResult {
            study: self.clone(),
            verdict: verdict(&analysis, &base_search),
            tuned_items: items(&taught),
            held_out_items: items(&held_out),
            training_loss,
            base_search,
            tuned_search,
            analysis,
        };
        folder.write(&result, &result.page())?;
        Ok(result)
    }

    /// Trains the adapter, or takes the one that an earlier run finished; gives the loss of its last step.
    fn adapter(&self, folder: &Path, base: &Session, taught: &ScoredTasks, observer: &dyn Observer) -> Result<f64> {
        if !folder.join("adapter_config.json").exists() {
            let steps = self.training.settings.steps;
            let resume = folder.join("training").exists();
            self.training.run(base, taught, folder, resume, observer, |line| {
                observer.progress("training", line.step, steps);
            })?;
        }
        JournalLine::last_loss(folder)
    }

    /// Searches the edits of one model.
    fn search(&self, run: &Path, session: &Session, tasks: &ScoredTasks) -> Result<FoundEdit> {
        let options = SearchOptions {
            protocol: Some(Protocol::Honest { fractions: self.fractions }),
            split_seed: self.split_seed,
            seed: self.seed,
            run: Some(run.to_owned()),
            resume: true,
            ..SearchOptions::default()
        };
        let found = session.search(tasks, &options)?;
        found.write_run(run)?;
        let results = &found.results;
        let is_proposed = results.proposes_edit();
        let finalist = results.finalists.iter().rev().max_by(|a, b| a.estimated.total_cmp(&b.estimated));
        Ok(FoundEdit {
            edit: match (is_proposed, finalist) {
                (true, _) => Some(results.best.edit.clone()),
                (false, Some(finalist)) => Some(finalist.edit.clone()),
                (false, None) => found.luckiest().map(|tried| tried.edit.to_string()),
            },
            is_proposed,
            verdict: results.reason.clone(),
        })
    }
}

/// Share of the rank at which the verdict says where the update lies, over all adapted matrices: the paper's typical edit.
const USUAL: &str = "0.1";

/// The outcome in sentences: where the update lies, and what edits do to both models.
fn verdict(analysis: &AdapterAnalysis, base_search: &FoundEdit) -> String {
    let place = analysis.summary.cuts.iter().find(|cut| cut.rule == USUAL).map_or_else(String::new, |cut| {
        let z = cut.removed.z.map_or_else(String::new, |z| format!(", z = {z:+.1}"));
        format!(
            "Of the update of {} matrices, {} lie in what truncation at ρ = {USUAL} removes, by chance {}{z}. ",
            cut.matrices,
            percent(cut.removed.share),
            percent(cut.removed.chance)
        )
    });
    let behaviour = match (&analysis.behaviour, &base_search.edit) {
        (Some(behaviour), _) => behaviour.verdict.clone(),
        _ => "No edit of the base model was tried, so that nothing was compared.".to_owned(),
    };
    format!("{place}{behaviour}")
}
