//! How the models of a study are trained, and a folder for each, from which a study that was stopped goes on.

use std::path::Path;

use laser::Observer;
use laser::model::candle::{DType, Device};
use laser::model::tokenizer::Tokenizer;
use laser::model::{Model, ModelFiles};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::text_training::{Corpus, TextTraining};
use crate::training::{AdamWSettings, Architecture, Decay, ModelSizes, Schedule, TrainingSettings};

/// Longest sentence of a world, in tokens, and room to spare.
const CONTEXT: usize = 16;

/// Sizes and training of the models of a study: GPT-2's block with ReLU, AdamW with a learning rate that falls to zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPlan {
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Number of steps, the same for every model.
    pub steps: usize,
    /// Number of sentences in a step.
    pub batch: usize,
    /// Largest learning rate.
    pub learning_rate: f64,
}

impl Default for ModelPlan {
    fn default() -> Self {
        Self { d_model: 64, layers: 4, heads: 4, steps: 1_600, batch: 64, learning_rate: 3e-3 }
    }
}

impl ModelPlan {
    /// The training of one model. `seed`: of its initial weights and of the order of its sentences.
    pub(super) fn training(&self, seed: u64) -> TextTraining {
        let Self { d_model, layers, heads, steps, batch, learning_rate } = *self;
        TextTraining {
            architecture: Architecture::Gpt2 { relu: true },
            sizes: ModelSizes { d_model, layers, heads, d_mlp: 4 * d_model, context: CONTEXT },
            batch,
            settings: TrainingSettings {
                steps,
                schedule: Schedule {
                    learning_rate,
                    warm_up: 50.min(steps / 10),
                    decay: Decay::Linear,
                    last_share: 0.0,
                },
                optimizer: AdamWSettings::default(),
                clip: 1.0,
                save_every: steps,
            },
            seed,
        }
    }

    /// Trains a model on a file of sentences into `folder`, or takes the one that a study before left there. The model
    /// computes on one thread, because a study runs models side by side.
    ///
    /// # Errors
    /// A folder with a model of another training, a training that fails, an interruption.
    pub(super) fn model(&self, seed: u64, corpus: &Path, folder: &Path, observer: &dyn Observer) -> Result<Model> {
        let training = self.training(seed);
        let sentences = Corpus::read(corpus, None, CONTEXT)?;
        if folder.join("config.json").exists() {
            self.check_finished(&training, &sentences, folder)?;
        } else {
            let resume = folder.join("training").exists();
            training.run(&sentences, folder, resume, 1, observer, |_| {})?;
        }
        Ok(ModelFiles::open(folder)?.load(&Device::Cpu, DType::F32, 1)?)
    }

    /// Checks that the model in `folder` was trained as asked.
    fn check_finished(&self, training: &TextTraining, corpus: &Corpus, folder: &Path) -> Result<()> {
        let path = folder.join("training.json");
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let problem = |problem: String| Error::File { path: path.display().to_string(), problem };
        let found: serde_json::Value = serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
        let expected = serde_json::to_value(training).expect("settings are plain data");
        let found = &found["training"];
        if found["language_model"] != expected || found["corpus_sha256"] != corpus.sha256() {
            let problem_text = "a model of another training or corpus: expected the study's own (choose a new folder)";
            return Err(problem(problem_text.to_owned()));
        }
        Ok(())
    }
}

/// The tokenizer of a world's folder.
///
/// # Errors
/// A tokenizer that is missing or cannot be read.
pub(super) fn tokenizer(world: &Path) -> Result<Tokenizer> {
    Ok(Tokenizer::from_folder(world)?)
}
