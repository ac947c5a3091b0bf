//! Runs the study: worlds with and without noise, one model each, measured and pooled.

use std::path::Path;

use laser::Observer;
use laser::edit::truncation::{SvdMethod, Truncation};
use laser::model::Model;
use laser::model::parallel::map;
use laser::results::number_format::{p_value, points};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::facts::WorldSettings;
use crate::study::mention_losses::filler_loss;
use crate::study::model_plan::{ModelPlan, tokenizer};
use crate::study::questions::Questions;
use crate::study::study_folder::{StudyFolder, write_sentences};

use super::measure::{WorldResult, measure};
use super::pooled::{Pooled, pool};

/// What the study does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactStudy {
    /// Settings of every world; the seed is that of the first, the next have the following ones.
    pub world: WorldSettings,
    /// Number of worlds.
    pub worlds: usize,
    /// Whether every world is also made without noise.
    pub without_noise: bool,
    /// Sizes and training of the models.
    pub model: ModelPlan,
    /// Seed of the initial weights, of the halves of the facts and of the bootstraps.
    pub seed: u64,
}

/// Results of the study.
#[derive(Debug, Clone, Serialize)]
pub struct StudyResult {
    /// What was done.
    pub study: FactStudy,
    /// The outcome in a sentence.
    pub verdict: String,
    /// One entry for each noisy world.
    pub noisy: Vec<WorldResult>,
    /// One entry for each world without noise.
    pub clean: Vec<WorldResult>,
    /// The noisy worlds together.
    pub pooled: Pooled,
    /// The worlds without noise together.
    pub pooled_clean: Option<Pooled>,
}

impl FactStudy {
    /// Runs the study in the folder `out`, or what is left of it; gives its results, which are written there too.
    ///
    /// # Errors
    /// Settings that cannot be used, a folder of another study, a training that fails, an interruption.
    pub fn run(&self, out: &Path, threads: usize, observer: &dyn Observer) -> Result<StudyResult> {
        if self.worlds == 0 {
            return Err(Error::setting("worlds", "expected at least 1, found 0"));
        }
        self.world.check()?;
        let folder = StudyFolder::open(out, self)?;
        let mut jobs: Vec<(u64, bool)> = (0..self.worlds as u64).map(|world| (world, true)).collect();
        if self.without_noise {
            jobs.extend((0..self.worlds as u64).map(|world| (world, false)));
        }
        let mut results = map(jobs, threads, observer, |(world, noisy)| self.one(&folder, world, noisy, observer))?;
        let clean = results.split_off(self.worlds);
        let pooled = pool(&results.iter().collect::<Vec<_>>(), self.seed);
        let pooled_clean = (!clean.is_empty()).then(|| pool(&clean.iter().collect::<Vec<_>>(), self.seed));
        let verdict = verdict(&results, &pooled);
        let result = StudyResult { study: self.clone(), verdict, noisy: results, clean, pooled, pooled_clean };
        folder.write(&result, &result.page())?;
        Ok(result)
    }

    /// One world with its model.
    fn one(&self, folder: &StudyFolder, number: u64, noisy: bool, observer: &dyn Observer) -> Result<WorldResult> {
        let seed = self.world.seed + number;
        let mut settings = WorldSettings { seed, ..self.world.clone() };
        let mut name = format!("world-{number}");
        if !noisy {
            (settings.generic, settings.wrong, settings.contradictory) = (0.0, 0.0, 0.0);
            name += "-without-noise";
        }
        let (world, files) = folder.world(&name, &settings)?;
        let all: Vec<usize> = (0..world.mentions.len()).collect();
        let corpus = write_sentences(&world, &files, "all", &all)?;
        let model_seed = self.seed + number;
        let model = self.model.model(model_seed, &corpus, &folder.model(&name), observer)?;
        let tokenizer = tokenizer(&files)?;
        let questions = Questions::new(&world, &tokenizer, self.seed)?;
        let word = |token: u32| tokenizer.token_text(token).unwrap_or_default();
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        let question = |fact: usize| world.question(&world.facts[fact]);
        let filler = |model: &Model| filler_loss(model, &tokenizer, &world.mentions);
        Ok(measure(&model, &questions, &truncation, [seed, model_seed], question, word, filler)?)
    }
}

impl StudyResult {
    /// Settings, seeds and sizes for the page.
    pub(super) fn provenance(&self) -> Vec<(String, String)> {
        let FactStudy { world, worlds, model, seed, .. } = &self.study;
        let json = |value: serde_json::Value| value.to_string();
        vec![
            ("program".to_owned(), format!("laser lab study facts, version {}", env!("CARGO_PKG_VERSION"))),
            ("worlds".to_owned(), format!("{worlds}, seeds from {}", world.seed)),
            ("world".to_owned(), json(serde_json::to_value(world).expect("settings are plain data"))),
            ("model".to_owned(), json(serde_json::to_value(model).expect("settings are plain data"))),
            ("seed".to_owned(), seed.to_string()),
        ]
    }
}

/// The outcome in a sentence, with its numbers. The interval over worlds decides: McNemar's p takes the worlds for one.
fn verdict(results: &[WorldResult], pooled: &Pooled) -> String {
    let all = &pooled.flips.all;
    let [low, high] = all.gain_ci95.unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
    let name = match (low > 0.0, high < 0.0) {
        (true, _) => "The best edit helps",
        (_, true) => "The best edit hurts",
        _ => "No gain of the best edit is shown",
    };
    let interval =
        all.gain_ci95.map_or_else(String::new, |[low, high]| format!(", {} to {}", points(low), points(high)));
    let edits: Vec<&str> = results.iter().map(|result| result.edit.as_str()).collect();
    let generic = 100.0 * pooled.classes_of_fixed[laser::explain::AnswerClass::Generic as usize];
    format!(
        "{name} on facts that chose nothing: {} points{interval} ({} fixed, {} broken, {}) with {}; {generic:.0} % of the fixed \
         answers were generic before.",
        points(all.gain),
        all.fixed.events,
        all.broken.events,
        p_value(all.mcnemar_p),
        edits.join(", ")
    )
}
