//! Arguments of the optimiser, for everything that the lab trains.

use clap::{Args, ValueEnum};
use laser_lab::training::{AdamWSettings, Decay, Schedule, TrainingSettings};

/// Decay of the learning rate.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DecayName {
    Constant,
    Linear,
    Cosine,
}

impl From<DecayName> for Decay {
    fn from(name: DecayName) -> Self {
        match name {
            DecayName::Constant => Self::Constant,
            DecayName::Linear => Self::Linear,
            DecayName::Cosine => Self::Cosine,
        }
    }
}

/// Schedule, optimiser, seed and state of a training.
#[derive(Debug, Args)]
pub(crate) struct OptimizerArgs {
    /// Number of steps in which the learning rate rises
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) warm_up: usize,
    /// Fall of the learning rate afterwards, to 1 %
    #[arg(long, value_enum, default_value = "linear")]
    pub(crate) decay: DecayName,
    /// Weight decay of matrices and embeddings
    #[arg(long, default_value_t = 0.05, value_name = "X")]
    pub(crate) weight_decay: f64,
    /// Largest norm of a gradient
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    pub(crate) clip: f64,
    /// Seed of the initial weights and of the order of the examples
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) seed: u64,
    /// Number of steps after which the state is written, from which --resume goes on
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) save_every: usize,
    /// Go on with a training in --out that was stopped
    #[arg(long)]
    pub(crate) resume: bool,
}

impl OptimizerArgs {
    /// The settings of a training of `steps` steps with this largest learning rate.
    pub(crate) fn settings(&self, steps: usize, learning_rate: f64) -> TrainingSettings {
        let schedule = Schedule { learning_rate, warm_up: self.warm_up, decay: self.decay.into(), last_share: 0.01 };
        let optimizer = AdamWSettings { weight_decay: self.weight_decay, ..AdamWSettings::default() };
        TrainingSettings { steps, schedule, optimizer, clip: self.clip, save_every: self.save_every }
    }
}
