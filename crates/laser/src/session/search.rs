//! Searches the edits of a session's model: finds the best on a task, proves it, and writes the run folder.

use std::collections::BTreeSet;
use std::path::Path;

use laser_model::Model;
use laser_model::config::ModelConfig;
use laser_model::weight_id::WeightId;
use laser_task::Match;
use serde_json::Value;

use super::continuations::{CONTINUATIONS, Continuations};
use super::manifest::score_value;
use super::price::{PricedEdit, spread};
use super::{EditedModel, ScoredTasks, SearchOptions, Session};
use crate::edit::Edit;
use crate::edit::recipe::Recipe;
use crate::edit::truncation::{SvdMethod, Truncation, TruncationRecord};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, ModelPair};
use crate::export::ModelCard;
use crate::price::OrdinaryText;
use crate::results::price_text::price_line;
use crate::results::{Manifest, MatrixChange, Results, SampleRecord};
use crate::run::{RunFolder, samples, search_results, trial_rows};
use crate::search::store::{Store, TrialRow};
use crate::search::{Exploration, Fingerprint, Protocol, SearchContext, SearchResult, Settings, Space, search};
use crate::team::Team;
use laser_statistics::Split;

/// Number of flips of each direction of which whole answers are kept.
const SHOWN_FLIPS: usize = 100;

/// A finished search.
#[derive(Debug)]
pub struct CompletedSearch {
    /// Results, as `results.json` has them.
    pub results: Results,
    /// One record an item for the unedited model, in the order of the tasks and their items.
    pub base_samples: Vec<SampleRecord>,
    /// The same for the winner.
    pub samples: Vec<SampleRecord>,
    /// The winner as a recipe.
    pub recipe: Recipe,
    /// Every edit that was tried, in the order of the trials.
    pub tried: Vec<TriedEdit>,
    /// Every edit that could be tried, with what is known of it.
    pub trials: Vec<TrialRow>,
    edit: Edit,
    /// Calibrated on the search split where the winner needs it.
    truncation: Truncation,
    store: Store,
}

/// An edit that a search tried.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedEdit {
    /// The edit.
    pub edit: Edit,
    /// Number of items of the search split that it was scored on; a race drops edits early.
    pub items: usize,
    /// Accuracy on these items minus that of the unedited model, a fraction.
    pub gain: f64,
}

impl CompletedSearch {
    /// The winner; empty where no edit was better than the unedited model.
    pub fn edit(&self) -> &Edit {
        &self.edit
    }

    /// The tried edit that was right on the most search items more than the unedited model, as the paper chooses; of equal
    /// ones the first. Unlike the winner it is an edit even where none helps.
    pub fn luckiest(&self) -> Option<&TriedEdit> {
        let more = |tried: &TriedEdit| tried.gain * tried.items as f64;
        self.tried.iter().rev().max_by(|a, b| more(a).total_cmp(&more(b)))
    }

    /// Statement about the winner from the held-out items, in a sentence or two, with its price.
    pub fn verdict(&self) -> &str {
        &self.results.reason
    }

    /// Writes `results.json`, `samples.jsonl`, `samples.base.jsonl`, `trials.csv`, `recipe.yaml`, `report.html` and the trial
    /// store into a folder.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write_run(&self, folder: impl AsRef<Path>) -> Result<()> {
        let run = RunFolder::new(folder.as_ref());
        self.store.save_as(&run.store())?;
        run.write_search(&self.results, &self.base_samples, &self.samples, &self.trials, &self.recipe)
    }

    /// The winner applied to the model, with the calibration of the search; its model card has verdict and price.
    ///
    /// # Errors
    /// A search without a winner ([`CompletedSearch::edit`] is empty), or a session of another model.
    pub fn apply<'a>(&self, session: &'a Session) -> Result<EditedModel<'a>> {
        let price = self.results.price.as_ref().map(price_line);
        let card = ModelCard {
            base_model: Some(session.base_name().to_owned()),
            task: Some(self.results.manifest.task.name.clone()),
            results: [self.verdict().to_owned()].into_iter().chain(price).collect(),
        };
        session.apply_with(&self.edit, &self.truncation, card)
    }
}

/// The trials of a search, each against the unedited model on the same items.
fn tried_edits(found: &SearchResult) -> Vec<TriedEdit> {
    let tried = |trial: &crate::search::store::Trial| {
        let pairs = trial.outcomes.correct.iter().zip(&found.explored.order);
        let gains = pairs.map(|(right, item)| i64::from(*right) - i64::from(found.base[*item].correct));
        let items = trial.outcomes.len();
        TriedEdit { edit: trial.edit.clone(), items, gain: gains.sum::<i64>() as f64 / items.max(1) as f64 }
    };
    found.explored.trials.iter().map(tried).collect()
}

impl Session {
    /// The settings of a search on this machine.
    pub(super) fn settings(&self, tasks: &ScoredTasks, options: &SearchOptions) -> Result<Settings> {
        let settings = options.settings(tasks, self.config(), self.threads())?;
        Ok(Settings { memory: self.state_memory(), ..settings })
    }

    /// Searches for the edit that makes the model best at `tasks`: candidates are tried on the search split, finalists
    /// meet on the validation split, and the test split is opened once, for the winner and the unedited model.
    ///
    /// # Errors
    /// Options that cannot be used, splits without items, a run folder that holds another run, or an interruption
    /// ([`Error::Interrupted`]); with [`SearchOptions::run`], what was tried until then is kept.
    pub fn search(&self, tasks: &ScoredTasks, options: &SearchOptions) -> Result<CompletedSearch> {
        let found = self.search_in_team(tasks, options, &Team::ALONE)?;
        Ok(found.expect("a process alone finishes its search"))
    }

    /// Takes part in the search of a team, which shares the work of [`Session::search`] through a run folder. The member that
    /// finishes the search gets its result, the others `None`. All members give the same tasks and options; of these the
    /// run folder is not used, because a trial store has one writer.
    ///
    /// # Errors
    /// Those of [`Session::search`]; a team that runs another search.
    pub fn search_in_team(
        &self,
        tasks: &ScoredTasks,
        options: &SearchOptions,
        team: &Team,
    ) -> Result<Option<CompletedSearch>> {
        let settings = self.settings(tasks, options)?;
        let truncation = self.truncation(options.svd);
        let evaluator = self.evaluator(tasks)?;
        let fingerprint = Fingerprint::new(&settings, &self.sha256()?, &evaluator, &truncation);
        fingerprint.agree(team)?;
        let mut store = match &options.run {
            Some(folder) if !team.is_shared() => RunFolder::new(folder).open_store(&fingerprint, options.resume)?,
            _ => Store::in_memory(&fingerprint)?,
        };
        let passages = if options.no_side_effects || evaluator.levels().is_some() {
            None
        } else {
            OrdinaryText::open(self.config(), self.tokenizer()?)?
        };
        if passages.is_none() && settings.max_damage.is_some() {
            let problem = "the model cannot read ordinary text, on which damage is measured".to_owned();
            return Err(Error::setting("max-damage", problem));
        }
        let text = match &passages {
            Some(passages) => Some(passages.evaluator(self.tokenizer()?, self.config())?),
            None => None,
        };
        let model: Model = self.load()?;
        let context = SearchContext {
            model: &model,
            evaluator: &evaluator,
            text: text.as_ref(),
            truncation: &truncation,
            settings: &settings,
            observer: &*self.options.observer,
            team,
        };
        let found = search(context, &mut store)?;

        let all: Vec<usize> = (0..evaluator.items().len()).collect();
        let split = |index: usize| found.explored.splits.of[index];
        let test = found.explored.splits.items(Split::Test);
        let (shown, sampled) = (flips(&test, &found), spread(&test, CONTINUATIONS));
        let (mut price, mut continuations) = (None, Continuations::new());
        let edited = found.explored.truncation.apply(&model, &found.winner)?.0;
        if let Some(first_layer) = found.winner.first_layer() {
            let models = ModelPair { base: &model, edited: &edited, first_layer };
            let items: BTreeSet<usize> = shown.iter().chain(&sampled).copied().collect();
            let items: Vec<usize> = items.into_iter().collect();
            continuations = self.continuations(&evaluator, models, &items, team)?;
            if !options.no_side_effects {
                let texts: Vec<_> = sampled.iter().filter_map(|item| continuations.get(item).cloned()).collect();
                let priced = PricedEdit { models, evaluator: &evaluator, items: &test, texts: &texts, team };
                price = self.price(tasks, &priced, settings.statistics_seed)?;
            }
        }
        drop(edited);
        if !team.finishes(&*self.options.observer)? {
            return Ok(None);
        }
        let mut base_samples = samples(&evaluator, &all, &found.base, split);
        let mut best_samples = samples(&evaluator, &all, &found.best, split);
        for item in &shown {
            if let Some([base, best]) = continuations.get(item) {
                base_samples[*item].continuation = Some(base.clone());
                best_samples[*item].continuation = Some(best.clone());
            }
        }
        let (mut changes, mut notes) = (Vec::new(), self.notes());
        if !found.winner.is_empty() {
            let (truncation, winner) = (&found.explored.truncation, (&found.winner, &*found.records));
            changes = matrix_changes(&model, truncation, winner)?;
            if evaluator.levels().is_none() {
                match self.removed_answers(&evaluator, &model, truncation, winner, &shown)? {
                    Some(removed) => {
                        removed.into_iter().for_each(|(item, answer)| best_samples[item].removed = Some(answer));
                    }
                    None => notes.push(
                        "what the removed components say is not known: the edit does not keep the largest components of \
                         every matrix, or no numbers come out without them"
                            .to_owned(),
                    ),
                }
            }
        }
        drop(model);
        let manifest = self.search_manifest(tasks, &evaluator, &settings, truncation.method())?;
        notes.extend(search_notes(tasks, &settings, truncation.method()));
        notes.extend(rounding_note(&settings, self.config()));
        notes.extend(space_note(&settings.space, self.config()));
        if passages.is_none() && !options.no_side_effects && evaluator.levels().is_none() && evaluator.is_causal() {
            let note = "what the edit costs on ordinary text was not measured: the tokenizer reads most of its words as unknown";
            notes.push(note.to_owned());
        }
        let mut results =
            search_results(&evaluator, &found, &settings, [&base_samples, &best_samples], manifest, price, notes);
        results.changes = changes;
        results.search.space.model_layers = Some(self.config().n_layers);
        let Exploration { order, candidates, .. } = &found.explored;
        let trials = trial_rows(&store, &results, &base_samples, order, candidates)?;
        let recipe = self.recipe(&found, truncation.method(), &results)?;
        let tried = tried_edits(&found);
        let SearchResult { explored, winner, .. } = found;
        Ok(Some(CompletedSearch {
            results,
            base_samples,
            samples: best_samples,
            recipe,
            tried,
            trials,
            edit: winner,
            truncation: explored.truncation,
            store: store.released(),
        }))
    }

    fn search_manifest(
        &self,
        tasks: &ScoredTasks,
        evaluator: &Evaluator<'_>,
        settings: &Settings,
        svd: SvdMethod,
    ) -> Result<Manifest> {
        let mut manifest = self.manifest(tasks)?;
        let objective = &settings.objective;
        // Texts that are only read have a measure of their own: the objective's is shown if any task has it.
        let measures = objective.measures(evaluator);
        let measure = measures.iter().find(|measure| **measure == objective.measure).unwrap_or(&measures[0]);
        let entries: [(&str, Value); 10] = [
            ("score", score_value(evaluator)),
            ("objective", measure.to_string().into()),
            ("svd", serde_json::to_value(svd).expect("a method is plain data")),
            ("strategy", settings.plan.to_string().into()),
            ("error_rate", settings.error_rate.into()),
            ("candidates", settings.candidates.into()),
            ("screen_items", settings.screen_items.into()),
            ("finalists", settings.finalists.into()),
            ("resamples", settings.resamples.into()),
            ("permutations", settings.permutations.into()),
        ];
        manifest.config.extend(entries.map(|(key, value)| (key.to_owned(), value)));
        let names = tasks.names();
        if names.len() > 1 {
            let guards = objective.guards.iter().map(|guard| format!("{}:{}", names[guard.part], guard.max_drop));
            manifest.config.insert("guard".into(), guards.collect::<Vec<String>>().into());
            manifest.config.insert("aggregate".into(), objective.over.to_string().into());
        }
        manifest.seeds.insert("split".into(), settings.split_seed);
        manifest.seeds.insert("order".into(), settings.order_seed);
        manifest.seeds.insert("statistics".into(), settings.statistics_seed);
        if let SvdMethod::Randomized { seed } = svd {
            manifest.seeds.insert("svd".into(), seed);
        }
        Ok(manifest)
    }

    fn recipe(&self, found: &SearchResult, svd: SvdMethod, results: &Results) -> Result<Recipe> {
        let rank = |id: WeightId| found.records.iter().find(|r| r.matrix == id.to_string()).and_then(|r| r.rank);
        let recipe = Recipe::new(&found.winner, self.base_model()?, svd, self.config(), rank);
        let price = results.price.as_ref().map(|price| price.text.nats_per_token);
        Ok(recipe.with_verdict(results.reason.clone(), price))
    }
}

/// The changes of an edit, one for each of its matrices; `records` are those of the edit.
fn matrix_changes(
    model: &Model,
    truncation: &Truncation,
    (edit, records): (&Edit, &[TruncationRecord]),
) -> Result<Vec<MatrixChange>> {
    let pairs = edit.reductions().zip(records);
    pairs.map(|((id, _), record)| Ok(MatrixChange::new(record, &truncation.spectrum(model, id)?))).collect()
}

/// The first items of the test split whose answers flipped: some that the winner fixed and some that it broke.
fn flips(test: &[usize], found: &SearchResult) -> Vec<usize> {
    let of = |fixed: bool| {
        let is_flip = move |item: &usize| found.base[*item].correct != fixed && found.best[*item].correct == fixed;
        test.iter().copied().filter(is_flip).take(SHOWN_FLIPS)
    };
    of(true).chain(of(false)).collect()
}

/// Says which matrices and layers were not searched.
fn space_note(space: &Space, config: &ModelConfig) -> Option<String> {
    let mut left_out: Vec<String> = space.left_out(config).into_iter().map(str::to_owned).collect();
    if space.layers.len() < config.n_layers {
        left_out.push(format!("{} of {} layers", config.n_layers - space.layers.len(), config.n_layers));
    }
    (!left_out.is_empty()).then(|| format!("not searched: {}", left_out.join(", ")))
}

/// Says which values of ρ round down to rank 0, and what was tried instead.
fn rounding_note(settings: &Settings, config: &ModelConfig) -> Option<String> {
    let rounded = settings.space.rounded_to_zero(config);
    let rhos: BTreeSet<String> = rounded.iter().map(|candidate| candidate.reduction.to_string()).collect();
    let kinds: BTreeSet<&str> = rounded.iter().map(|candidate| candidate.id.kind.name()).collect();
    let joined = |names: Vec<&str>| names.join(", ");
    let (rhos, kinds) = (joined(rhos.iter().map(String::as_str).collect()), joined(kinds.into_iter().collect()));
    let instead = match settings.keeps_rank_one() {
        true => "rank 1 is the smallest that was tried",
        false => "such edits remove the matrix",
    };
    (!rounded.is_empty()).then(|| format!("{rhos} of the largest rank rounds down to 0 for {kinds}: {instead}"))
}

/// Sentences for the results about what a reader may not expect.
fn search_notes(tasks: &ScoredTasks, settings: &Settings, svd: SvdMethod) -> Vec<String> {
    let mut notes = tasks.notes();
    if let SvdMethod::Randomized { seed } = svd {
        notes.push(format!(
            "compatibility: randomized decomposition as in the reference code, seed {seed}; the paper's is exact"
        ));
    }
    if tasks.iter().any(|(_, score)| score.with_match(Match::PromptContinuation) == Some(score)) {
        notes.push("compatibility: an answer that the prompt mentions counts, as in the reference code".to_owned());
    }
    if settings.protocol == Protocol::Paper {
        notes.push(
            "the paper's protocol: the first 20 % of the items select, without shuffling or a validation split, and \
             without regard to groups"
                .to_owned(),
        );
    }
    notes
}
