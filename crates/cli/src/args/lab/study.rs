//! Arguments of `laser lab study`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use laser_lab::study::ModelPlan;

use super::facts::WorldArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum LabStudy {
    /// What does the best edit fix? Gain by frequency, classes of answers, what the removed components say, controls
    Facts(LabFactStudy),
    /// Is pruning the model like pruning its training data? Arms, overlap and a rule that is written down first
    Equivalence(LabEquivalence),
}

#[derive(Debug, Args)]
pub(crate) struct LabFactStudy {
    /// Folder for plan.json, study.json, study.md, report.html, worlds and models; one of the same study is continued
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of worlds
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) worlds: usize,
    /// Leave out the worlds without noise
    #[arg(long)]
    pub(crate) noisy_only: bool,
    #[command(flatten)]
    pub(crate) common: StudyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LabEquivalence {
    /// Folder for plan.json, study.json, study.md, report.html, worlds and models; one of the same study is continued
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of worlds
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) worlds: usize,
    /// Number of initialisations in each world
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) initialisations: usize,
    #[command(flatten)]
    pub(crate) common: StudyArgs,
}

/// Worlds and models of a study.
#[derive(Debug, Clone, Args)]
pub(crate) struct StudyArgs {
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// Seed of the first world; the next ones have the following seeds
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    pub(crate) world_seed: u64,
    /// Width of the models' residual stream
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(crate) d_model: usize,
    /// Number of the models' blocks
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) layers: usize,
    /// Number of the models' attention heads
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) heads: usize,
    /// Number of training steps of every model
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) steps: usize,
    /// Number of sentences in a step
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub(crate) batch: usize,
    /// Largest learning rate of AdamW
    #[arg(long, default_value_t = 3e-3, value_name = "X")]
    pub(crate) learning_rate: f64,
    /// Seed of initial weights, halves of the facts, pruning at random and bootstraps
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

impl StudyArgs {
    /// Sizes and training of the models.
    pub(crate) fn model(&self) -> ModelPlan {
        ModelPlan {
            d_model: self.d_model,
            layers: self.layers,
            heads: self.heads,
            steps: self.steps,
            batch: self.batch,
            learning_rate: self.learning_rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        common: StudyArgs,
    }

    #[test]
    fn the_defaults_are_the_library_s() {
        assert_eq!(Alone::parse_from(["study"]).common.model(), ModelPlan::default());
    }
}
