//! Sweeps the edits of a session's model over a grid.

use std::collections::BTreeMap;
use std::path::PathBuf;

use laser_statistics::{Fractions, Split, group_ids};
use laser_task::score::Score;

use super::manifest::score_value;
use super::{ScoredTasks, SearchOptions, Session};
use crate::edit::truncation::SvdMethod;
use crate::error::{Error, Result};
use crate::evaluate::{Detail, RunContext};
use crate::run::RunFolder;
use crate::search::store::{Outcomes, Store};
use crate::search::{Fingerprint, ForecastStep, Plan, Protocol, SearchContext, Settings, sweep};
use crate::sweep::{Kind, Scored, Sweep, SweepGrid, SweepRow};

/// Options of a sweep.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// Layers, such as `5`, `20-27` or `*`, several joined by commas; empty: all.
    pub layers: String,
    /// Matrices by canonical name or the paper's, without layers; empty: every matrix of the block.
    pub matrices: Vec<String>,
    /// Percentages and kinds.
    pub grid: SweepGrid,
    /// Items to score: all, or those of one split.
    pub split: Split,
    /// Shares of the search and validation splits.
    pub fractions: Fractions,
    /// Seed of the splits.
    pub split_seed: u64,
    /// Decomposition of the edited matrices.
    pub svd: SvdMethod,
    /// Folder whose store keeps every trial the moment it ends; `None`: trials are kept in memory.
    pub run: Option<PathBuf>,
    /// Continue the sweep in that folder instead of refusing a folder that holds one.
    pub resume: bool,
}

impl Default for SweepOptions {
    /// The paper's percentages of every matrix of every layer, on all items.
    fn default() -> Self {
        Self {
            layers: String::new(),
            matrices: Vec::new(),
            grid: SweepGrid::default(),
            split: Split::All,
            fractions: Fractions::new(0.4, 0.2).expect("the shares sum to less than 1"),
            split_seed: 0,
            svd: SvdMethod::default(),
            run: None,
            resume: false,
        }
    }
}

impl Session {
    /// Scores every edit of a grid on the same items.
    ///
    /// # Errors
    /// Options that cannot be used, a split without items, a run folder that holds another run, or an interruption; with
    /// [`SweepOptions::run`], what was scored until then is kept.
    pub fn sweep(&self, tasks: &ScoredTasks, options: &SweepOptions) -> Result<Sweep> {
        let points = options.grid.points()?;
        if let Some((task, _)) = tasks.iter().find(|(_, score)| score.is_perplexity()) {
            let problem = format!("{}: a sweep counts right answers, and texts have none", task.name);
            return Err(Error::setting("task", problem));
        }
        let named = SearchOptions {
            layers: options.layers.clone(),
            matrices: options.matrices.clone(),
            reductions: points.iter().map(|point| point.reduction).collect(),
            ..SearchOptions::default()
        };
        let has_ranks = tasks.iter().all(|(_, score)| score == Score::Top1);
        let defaults = Settings::new(self.config(), self.threads());
        let protocol = Protocol::Honest { fractions: options.fractions };
        let settings = Settings {
            space: named.space(protocol, self.config())?,
            plan: Plan::exhaustive(),
            protocol,
            split_seed: options.split_seed,
            memory: self.state_memory(),
            detail: Detail::Rank,
            ..defaults
        };
        let truncation = self.truncation(options.svd);
        let evaluator = self.evaluator(tasks)?;
        let split = |index: usize| evaluator.split(index, options.split_seed, options.fractions);
        let in_split = |index: &usize| options.split == Split::All || split(*index) == options.split;
        let items: Vec<usize> = (0..evaluator.items().len()).filter(in_split).collect();
        if items.is_empty() {
            return Err(Error::setting("split", format!("{}: no item of the tasks is in it", options.split)));
        }
        let fingerprint = Fingerprint::new(&settings, &self.sha256()?, &evaluator, &truncation)
            .with_setting("split", options.split.to_string());
        let mut store = match &options.run {
            Some(folder) => RunFolder::new(folder).open_store(&fingerprint, options.resume)?,
            None => Store::in_memory(&fingerprint)?,
        };
        let model = self.load()?;
        let observer = &*self.options.observer;
        let candidates = settings.space.candidates(self.config());
        let work = (candidates.len() * items.len()) as f64;
        let step = |label, stages, units, work| ForecastStep { label, stages, units, work, is_proof: false };
        observer.planned(vec![
            step("sweep", &["search"][..], work, work),
            step("unedited", &["unedited model"], items.len() as f64, items.len() as f64),
        ]);
        let context = SearchContext::new(&model, &evaluator, &truncation, &settings, observer);
        let trials = sweep(context, &candidates, &items, &mut store)?;
        let run = RunContext { threads: self.threads(), stage: "unedited model", observer };
        let base = Outcomes::of(&evaluator.evaluate(&model, &items, run)?);
        drop(model);

        let groups = group_ids(items.iter().map(|item| evaluator.group(*item)));
        let of_edit: BTreeMap<String, _> = trials.iter().map(|trial| (trial.edit.to_string(), trial)).collect();
        let mut rows = Vec::new();
        let mut places: Vec<_> = candidates.iter().map(|candidate| candidate.id).collect();
        places.dedup();
        for id in places {
            for point in &points {
                let Some(trial) = of_edit.get(&format!("{id}@{}", point.reduction)) else { continue };
                rows.push(SweepRow::new(id, point, trial, &base, &groups, has_ranks));
            }
        }
        let mut manifest = self.manifest(tasks)?;
        let kinds: Vec<&str> = options.grid.kinds.iter().copied().map(Kind::name).collect();
        for (key, value) in [
            ("score", score_value(&evaluator)),
            ("split", options.split.to_string().into()),
            ("removed", options.grid.removed.clone().into()),
            ("kinds", kinds.into()),
            ("svd", serde_json::to_value(options.svd).expect("a method is plain data")),
        ] {
            manifest.config.insert(key.to_owned(), value);
        }
        manifest.seeds.insert("split".into(), options.split_seed);
        manifest.seeds.insert("random".into(), options.grid.seed);
        Ok(Sweep {
            items: items.len(),
            groups: groups.iter().max().map_or(0, |last| *last as usize + 1),
            base: Scored::of(&base, has_ranks),
            rows,
            manifest,
            notes: self.notes(),
        })
    }
}
