//! Arguments of `laser lab lora`, and of the adapter that a study trains.

use std::path::PathBuf;

use clap::Args;
use laser_lab::lora_training::LoraTraining;
use laser_lab::training::{AdamWSettings, Schedule, TrainingSettings};

use super::optimizer::DecayName;
use crate::args::ModelArg;

#[derive(Debug, Args)]
pub(crate) struct LabLora {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// File of questions and answers, as `laser eval --task` reads it, or a built-in task; only the answers are learned
    #[arg(long, value_name = "FILE")]
    pub(crate) data: String,
    /// Folder for the adapter
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Use the first N items only
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) adapter: AdapterArgs,
    /// Seed of the initial values and of the order of the items
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) seed: u64,
    /// Go on with a training in --out that was stopped
    #[arg(long)]
    pub(crate) resume: bool,
}

/// An adapter and its training.
#[derive(Debug, Clone, Args)]
pub(crate) struct AdapterArgs {
    /// Rank of each module's update
    #[arg(long, default_value_t = 8, value_name = "R")]
    rank: usize,
    /// Scale of the update times its rank
    #[arg(long, default_value_t = 16.0, value_name = "X")]
    alpha: f64,
    /// Matrices to adapt
    #[arg(long, default_value = "all", value_name = "SEL")]
    matrices: String,
    /// Number of steps
    #[arg(long, default_value_t = 200, value_name = "N")]
    steps: usize,
    /// Number of items in a step
    #[arg(long, default_value_t = 16, value_name = "N")]
    batch: usize,
    /// Largest learning rate of AdamW
    #[arg(long, default_value_t = 1e-3, value_name = "X")]
    learning_rate: f64,
    /// Number of steps in which the learning rate rises
    #[arg(long, default_value_t = 10, value_name = "N")]
    warm_up: usize,
    /// Fall of the learning rate afterwards, to 1 %
    #[arg(long, value_enum, default_value = "linear")]
    decay: DecayName,
    /// Weight decay
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    weight_decay: f64,
    /// Largest norm of a gradient
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    clip: f64,
    /// Number of steps after which the state is written, from which a training that was stopped goes on
    #[arg(long, default_value_t = 20, value_name = "N")]
    save_every: usize,
}

impl AdapterArgs {
    /// The training with a seed.
    pub(crate) fn training(&self, seed: u64) -> LoraTraining {
        LoraTraining {
            rank: self.rank,
            alpha: self.alpha,
            matrices: self.matrices.clone(),
            batch: self.batch,
            settings: TrainingSettings {
                steps: self.steps,
                schedule: Schedule {
                    learning_rate: self.learning_rate,
                    warm_up: self.warm_up,
                    decay: self.decay.into(),
                    last_share: 0.01,
                },
                // The constants of PyTorch, with which adapters are usually trained.
                optimizer: AdamWSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: self.weight_decay },
                clip: self.clip,
                save_every: self.save_every,
            },
            seed,
        }
    }
}
