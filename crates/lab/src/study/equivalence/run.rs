//! Runs the study: every arm in every world from every initialisation, compared with LASER by the rule.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use laser::edit::truncation::{SvdMethod, Truncation};
use laser::linalg::RankRule;
use laser::model::Model;
use laser::model::parallel::map;
use laser::model::tokenizer::Tokenizer;
use laser::{Edit, Observer, Reduction};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::facts::{World, WorldSettings};
use crate::study::answers::PromptBatch;
use crate::study::edit_sweep::{EditSpace, sweep};
use crate::study::mention_losses::mention_losses;
use crate::study::model_plan::{ModelPlan, tokenizer};
use crate::study::questions::Questions;
use crate::study::study_folder::{StudyFolder, write_sentences};

use super::arm::Arm;
use super::arm_rows::{ArmRow, OverWorlds, arm_rows};
use super::evidence::{evidence, matched_percent};
use super::removed_share::removed_share;
use super::rule::{Evidence, Verdict, decide, rule_text};
use super::world_runs::{ArmRun, WorldRuns};

/// What the study does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EquivalenceStudy {
    /// Settings of every world; the seed is that of the first, the next have the following ones.
    pub world: WorldSettings,
    /// Number of worlds.
    pub worlds: usize,
    /// Number of initialisations in each world.
    pub initialisations: usize,
    /// Sizes and training of the models.
    pub model: ModelPlan,
    /// Seed of the first initial weights, of pruning at random, of the halves of the facts and of the bootstraps.
    pub seed: u64,
}

/// The plan as it is written before the first model is trained.
#[derive(Serialize)]
struct Plan<'a> {
    study: &'a EquivalenceStudy,
    arms: Vec<(String, String)>,
    rule: Vec<String>,
}

/// Results of the study.
#[derive(Debug, Clone, Serialize)]
pub struct EquivalenceResult {
    /// What was done.
    pub study: EquivalenceStudy,
    /// The rule, as the plan has it.
    pub rule: Vec<String>,
    /// The outcome.
    pub verdict: Verdict,
    /// The arm at LASER's strength.
    pub matched: String,
    /// What the rule looked at.
    pub evidence: Evidence,
    /// What LASER adds to a pruned model: gain on the matched arm, gain on the full model, accuracy.
    pub additivity: [OverWorlds; 2],
    /// All arms.
    pub arms: Vec<ArmRow>,
}

impl EquivalenceStudy {
    /// Runs the study in the folder `out`, or what is left of it; gives its results, which are written there too. Models
    /// run side by side on `threads` threads, one each.
    ///
    /// # Errors
    /// Settings that cannot be used, a folder of another study, a training that fails, an interruption.
    pub fn run(&self, out: &Path, threads: usize, observer: &dyn Observer) -> Result<EquivalenceResult> {
        if self.worlds < 2 {
            return Err(Error::setting("worlds", format!("expected at least 2, found {}", self.worlds)));
        }
        if self.initialisations < 2 {
            let problem =
                format!("expected at least 2, found {}: the rule compares an arm with itself", self.initialisations);
            return Err(Error::setting("initialisations", problem));
        }
        self.world.check()?;
        let arms = Arm::ALL.map(|arm| (arm.to_string(), arm.description())).to_vec();
        let folder = StudyFolder::open(out, &Plan { study: self, arms, rule: rule_text() })?;
        let worlds = (0..self.worlds).map(|number| self.world(&folder, number)).collect::<Result<Vec<_>>>()?;
        let jobs: Vec<(usize, usize)> =
            (0..self.worlds).flat_map(|w| (0..self.initialisations).map(move |init| (w, init))).collect();
        let done = AtomicUsize::new(0);
        let total = jobs.len() * Arm::ALL.len();
        let finished = || observer.progress("models", done.fetch_add(1, Ordering::Relaxed) + 1, total);
        let mut runs = map(jobs, threads, observer, |(number, init)| {
            self.arms_of(&folder, &worlds[number], number, init, observer, &finished)
        })?
        .into_iter();
        let worlds: Vec<WorldRuns> = worlds
            .into_iter()
            .map(|world| WorldRuns {
                test: world.questions.half(true),
                questions: world.questions,
                runs: runs.by_ref().take(self.initialisations).collect(),
            })
            .collect();
        let result = self.compare(&worlds);
        folder.write(&result, &result.page())?;
        Ok(result)
    }

    /// Makes a world and its questions.
    fn world(&self, folder: &StudyFolder, number: usize) -> Result<StudiedWorld> {
        let settings = WorldSettings { seed: self.world.seed + number as u64, ..self.world.clone() };
        let (world, files) = folder.world(&format!("world-{number}"), &settings)?;
        let tokenizer = tokenizer(&files)?;
        let questions = Questions::new(&world, &tokenizer, self.seed)?;
        Ok(StudiedWorld { world, files, tokenizer, questions })
    }

    /// Trains and measures all arms of a world from one initialisation.
    fn arms_of(
        &self,
        folder: &StudyFolder,
        studied: &StudiedWorld,
        number: usize,
        init: usize,
        observer: &dyn Observer,
        finished: &dyn Fn(),
    ) -> Result<BTreeMap<Arm, ArmRun>> {
        let model_seed = self.seed + (number * self.initialisations + init) as u64;
        let mut runs = BTreeMap::new();
        let mut full: Option<FullModel> = None;
        for arm in Arm::ALL {
            let losses = full.as_ref().map(|full| full.losses.as_slice());
            let kept = arm.kept(&studied.world, losses, self.seed)?;
            let name = format!("world-{number}-init-{init}-{arm}");
            // Only the dropped sentences of one arm depend on the initialisation.
            let corpus = write_sentences(&studied.world, &studied.files, &format!("init-{init}-{arm}"), &kept)?;
            let model = self.model.model(model_seed, &corpus, &folder.model(&name), observer)?;
            let run = self.measure(studied, &model, kept.len(), full.as_ref())?;
            if arm == Arm::Full {
                let losses = mention_losses(&model, &studied.tokenizer, &studied.world.mentions)?;
                let edit = Edit::parse(&run.edit, model.config())?;
                full = Some(FullModel { model, edit, losses });
            }
            runs.insert(arm, run);
            finished();
        }
        Ok(runs)
    }

    /// Measures one model. `full`: the full model of the same initialisation, unless this is it.
    fn measure(
        &self,
        studied: &StudiedWorld,
        model: &Model,
        sentences: usize,
        full: Option<&FullModel>,
    ) -> Result<ArmRun> {
        let StudiedWorld { questions, .. } = studied;
        let truncation = Truncation::new(SvdMethod::Exact, None, 1);
        // Every edit of the full model; of a pruned one, those of the MLP in the upper half, where the best always were.
        let space = match full {
            None => EditSpace::full(model.config())?,
            Some(_) => EditSpace::of(model.config(), model.config().n_layers / 2, &["fc_in", "fc_out"])?,
        };
        let best = sweep(model, questions, &space, &truncation)?.best;
        let test = PromptBatch::new(questions, &questions.half(true));
        let with = |edit: &Edit| -> Result<_> { Ok(test.answers(&truncation.apply(model, edit)?.0)?) };
        let edited = with(&best)?;
        Ok(ArmRun {
            sentences,
            answers: test.answers(model)?,
            transferred: match full {
                None => edited.clone(),
                Some(full) => with(&full.edit)?,
            },
            edited,
            edit: best.to_string(),
            states: test.last_states(model)?,
            removed_share: match full {
                None => None,
                Some(full) => full.removed_share(model, &truncation)?,
            },
        })
    }

    /// Compares the models of all worlds.
    fn compare(&self, worlds: &[WorldRuns]) -> EquivalenceResult {
        let wrong: Vec<_> = worlds.iter().map(WorldRuns::wrong_facts).collect();
        let matched = Arm::WithoutNoise(matched_percent(worlds));
        let evidence = evidence(worlds, &wrong, matched, self.seed);
        let arms = arm_rows(worlds, &wrong, self.seed);
        let gain = |arm: Arm| {
            let row = arms.iter().find(|row| row.arm == arm.to_string());
            row.and_then(|row| row.laser_gain).map_or(OverWorlds { mean: f64::NAN, ci95: None }, |[own, _]| own)
        };
        EquivalenceResult {
            study: self.clone(),
            rule: rule_text(),
            verdict: decide(&evidence),
            matched: matched.to_string(),
            additivity: [gain(matched), gain(Arm::Full)],
            evidence,
            arms,
        }
    }
}

/// A world with its folder and its questions.
struct StudiedWorld {
    world: World,
    files: std::path::PathBuf,
    tokenizer: Tokenizer,
    questions: Questions,
}

/// The full model of an initialisation.
struct FullModel {
    model: Model,
    /// Its best edit.
    edit: Edit,
    /// −log-probability of the last word of each sentence, `[sentences]`.
    losses: Vec<f64>,
}

impl FullModel {
    /// Where the matrix that the best edit truncates is different in `other`; `None` if the edit keeps no components.
    fn removed_share(&self, other: &Model, truncation: &Truncation) -> Result<Option<[f64; 2]>> {
        let Some((id, Reduction::Leading(RankRule::Fraction(rho)))) = self.edit.as_single() else { return Ok(None) };
        let (w, changed) = (self.model.matrix(id)?, other.matrix(id)?);
        let svd = truncation.svd(id, &w)?;
        Ok(removed_share(&w, &changed, &svd, rho.of(svd.s.len())))
    }
}
