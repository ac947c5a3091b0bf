//! One player of the study: trained, searched, and played on the test levels.

use std::path::Path;

use laser::results::SampleRecord;
use laser::run::picture_of_play;
use laser::statistics::{Split, group_ids};
use laser::{
    Edit, EvaluateOptions, Observer, ScoredTasks, SearchOptions, Session, TaskRequest, TaskSettings, TriedEdit,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sokoban::{PlayerTraining, TrainingLevels};
use crate::training::JournalLine;

/// Name of the task that plays levels.
const TASK: &str = "sokoban";
/// File of the record in the folder of a player.
const RECORD: &str = "player.json";

/// Plays of the test levels by one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TestPlay {
    /// True for each level that was solved, `[levels]`.
    pub(super) solved: Vec<bool>,
    /// Mean of the returns.
    pub(super) mean_return: f64,
    /// Mean number of moves.
    pub(super) mean_moves: f64,
}

impl TestPlay {
    /// 1 for each level that was solved and 0 for the others, `[levels]`.
    pub(super) fn values(&self) -> Vec<f64> {
        self.solved.iter().map(|solved| f64::from(u8::from(*solved))).collect()
    }

    /// The plays of the test levels among `samples`.
    fn new<'s>(samples: impl IntoIterator<Item = &'s SampleRecord>) -> Self {
        let test: Vec<&SampleRecord> = samples.into_iter().filter(|sample| sample.split == Split::Test).collect();
        let mean = |of: &dyn Fn(&SampleRecord) -> f64| test.iter().map(|s| of(s)).sum::<f64>() / test.len() as f64;
        Self {
            mean_return: mean(&|sample| sample.total_return.unwrap_or(f64::NAN)),
            mean_moves: mean(&|sample| sample.moves.map_or(f64::NAN, |moves| moves as f64)),
            solved: test.iter().map(|sample| sample.is_right()).collect(),
        }
    }
}

/// An edit with its plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EditedPlay {
    /// The edit in short form.
    pub(super) edit: String,
    /// Share of the search levels that it solves more than the unedited player.
    pub(super) searched_gain: f64,
    /// Its plays of the test levels.
    pub(super) play: TestPlay,
}

/// Everything that is measured of one player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PlayerRecord {
    /// Share of the demonstrated moves that chance chose.
    pub(super) noise: f64,
    /// Seed of its training.
    pub(super) seed: u64,
    /// Loss of the last training step, nats a move.
    pub(super) training_loss: f64,
    /// Log-loss of the demonstrations of the test levels, nats a level.
    pub(super) demonstration_loss: f64,
    /// Room of each test level, as a number, `[levels]`.
    pub(super) rooms: Vec<u32>,
    /// The unedited player.
    pub(super) base: TestPlay,
    /// The edit that the search proposes; `None` if it proposes none.
    pub(super) proposed: Option<EditedPlay>,
    /// The edit that gained most on the search levels; `None` if none was tried.
    pub(super) luckiest: Option<EditedPlay>,
    /// Drawings of test levels that the unedited player and that edit end differently: the first that is fixed, and the
    /// first that is broken.
    pub(super) pictures: Vec<String>,
    /// Number of edits that were played.
    pub(super) trials: usize,
    /// Verdict of the search in a sentence.
    pub(super) reason: String,
}

/// A player to make.
pub(super) struct PlayerJob<'a> {
    /// Its training.
    pub(super) training: &'a PlayerTraining,
    /// Share of the demonstrated moves that chance chose.
    pub(super) noise: f64,
    /// Folder of the levels.
    pub(super) levels: &'a Path,
    /// Folder of the player.
    pub(super) folder: &'a Path,
    /// Number of threads.
    pub(super) threads: usize,
    /// Opens the session of a model folder.
    pub(super) open: &'a dyn Fn(&str) -> laser::Result<Session>,
}

impl PlayerJob<'_> {
    /// Trains, searches and measures the player, or goes on where an earlier run was stopped.
    ///
    /// # Errors
    /// Levels that cannot be used, a training or search that fails, an interruption.
    pub(super) fn run(&self, observer: &dyn Observer) -> Result<PlayerRecord> {
        let path = self.folder.join(RECORD);
        if path.exists() {
            let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
            return serde_json::from_str(&text)
                .map_err(|error| Error::File { path: path.display().to_string(), problem: error.to_string() });
        }
        let model = self.folder.join("model");
        if !model.join("config.json").exists() {
            let levels = TrainingLevels::read(self.levels)?;
            let resume = model.join("training").exists();
            let steps = self.training.settings.steps;
            self.training.run(&levels, &model, resume, self.threads, observer, |line| {
                observer.progress("training", line.step, steps);
            })?;
        }
        let record = self.measure(&model)?;
        let text = serde_json::to_string(&record).expect("a record is plain data");
        laser::checkpoint::write_atomically(&path, text.as_bytes())?;
        Ok(record)
    }

    /// Searches a trained player, and plays the test levels.
    fn measure(&self, model: &Path) -> Result<PlayerRecord> {
        let session = (self.open)(&model.display().to_string())?;
        let request = TaskRequest { data: Some(self.levels.display().to_string()), ..TaskRequest::named(TASK) };
        let tasks = session.tasks(&TaskSettings { tasks: vec![request], ..TaskSettings::default() })?;
        let options = SearchOptions { run: Some(self.folder.join("search")), resume: true, ..SearchOptions::default() };
        let found = session.search(&tasks, &options)?;
        found.write_run(self.folder.join("search"))?;
        let results = &found.results;
        let winner = found.tried.iter().find(|tried| tried.edit == *found.edit());
        let proposed = results.proposes_edit().then(|| EditedPlay {
            edit: results.best.edit.clone(),
            searched_gain: winner.map_or(f64::NAN, |tried| tried.gain),
            play: TestPlay::new(&found.samples),
        });
        let test: Vec<&SampleRecord> = found.base_samples.iter().filter(|s| s.split == Split::Test).collect();
        let mut pictures = Vec::new();
        let luckiest = match found.luckiest() {
            Some(TriedEdit { edit, gain, .. }) => {
                let samples = test_samples(&session, &tasks, edit)?;
                pictures =
                    [false, true].iter().filter_map(|base_right| first_flip(&test, &samples, *base_right)).collect();
                Some(EditedPlay { edit: edit.to_string(), searched_gain: *gain, play: TestPlay::new(&samples) })
            }
            None => None,
        };
        Ok(PlayerRecord {
            noise: self.noise,
            seed: self.training.seed,
            training_loss: JournalLine::last_loss(model)?,
            demonstration_loss: -test.iter().map(|sample| sample.logprob).sum::<f64>() / test.len() as f64,
            rooms: group_ids(test.iter().map(|sample| &sample.group)),
            base: TestPlay::new(&found.base_samples),
            proposed,
            luckiest,
            pictures,
            trials: results.search.trials,
            reason: results.reason.clone(),
        })
    }
}

/// Plays the test levels with an edit.
fn test_samples(session: &Session, tasks: &ScoredTasks, edit: &Edit) -> Result<Vec<SampleRecord>> {
    let options =
        EvaluateOptions { edit: edit.clone(), split: Split::Test, no_side_effects: true, ..EvaluateOptions::default() };
    Ok(session.evaluate(tasks, &options)?.samples)
}

/// A drawing of the first level that the edit fixes (`base_right` false) or breaks (`base_right` true).
fn first_flip(unedited: &[&SampleRecord], edited: &[SampleRecord], base_right: bool) -> Option<String> {
    let (unedited, edited) =
        unedited.iter().zip(edited).find(|(u, e)| u.is_right() == base_right && e.is_right() != base_right)?;
    picture_of_play(unedited, edited)
}
