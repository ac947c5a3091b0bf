//! Arguments of `laser lab study`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use laser::sokoban::PlayerSettings;
use laser_lab::sokoban::PlayerTraining;
use laser_lab::study::ModelPlan;
use laser_lab::study::lora::LoraStudy;
use laser_lab::study::sokoban::SokobanStudy;
use laser_lab::training::TrainingSettings;
use laser_sokoban::GeneratorSettings;

use super::facts::WorldArgs;
use super::lora::AdapterArgs;
use crate::args::{ModelArg, TaskArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum LabStudy {
    /// What does the best edit fix? Gain by frequency, classes of answers, what the removed components say, controls
    Facts(LabFactStudy),
    /// Is pruning the model like pruning its training data? Arms, overlap and a rule that is written down first
    Equivalence(LabEquivalence),
    /// Does a Decision Transformer that plays Sokoban gain from an edit? Players of several seeds and noisy demonstrations
    Sokoban(LabSokobanStudy),
    /// Does fine-tuning fill what rank reduction removes, and does an edit still help afterwards? An adapter, searches of
    /// the base and of the tuned model, and both with both edits
    Lora(Box<LabLoraStudy>),
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

#[derive(Debug, Args)]
pub(crate) struct LabSokobanStudy {
    /// Folder for plan.json, study.json, study.md, report.html, levels and players; one of the same study is continued
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Shares of the demonstrated moves that chance chooses; each has players of its own
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.2,0.3", value_name = "LIST")]
    pub(crate) noise: Vec<f64>,
    /// Number of players for each share of noise
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) seeds: u64,
    /// Number of rooms; a tenth of them is for the search, and a tenth for the test
    #[arg(long, default_value_t = 11_000, value_name = "N")]
    pub(crate) rooms: usize,
    /// Rows and columns of a room, the walls around it included
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) board: usize,
    /// Number of boxes
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) boxes: usize,
    /// Number of levels in a room of the training part
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub(crate) starts: usize,
    /// Number of levels in a room of the search or test part
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) held_out_starts: usize,
    /// Width of the players' residual stream
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub(crate) d_model: usize,
    /// Number of the players' blocks
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) layers: usize,
    /// Number of training steps of every player
    #[arg(long, default_value_t = 1600, value_name = "N")]
    pub(crate) steps: usize,
    /// Seed of the levels
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) levels_seed: u64,
    /// Seed of the first player and of the bootstraps; the next players have the following seeds
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

impl LabSokobanStudy {
    /// The study as the arguments say.
    pub(crate) fn study(&self) -> SokobanStudy {
        let training = PlayerTraining::default();
        SokobanStudy {
            levels: GeneratorSettings {
                board: self.board,
                boxes: self.boxes,
                rooms: self.rooms,
                starts: self.starts,
                held_out_starts: self.held_out_starts,
                seed: self.levels_seed,
                ..GeneratorSettings::default()
            },
            noise: self.noise.clone(),
            seeds: self.seeds,
            training: PlayerTraining {
                player: PlayerSettings { board: self.board, ..training.player },
                d_model: self.d_model,
                layers: self.layers,
                settings: TrainingSettings { steps: self.steps, ..training.settings },
                seed: self.seed,
                ..training
            },
            seed: self.seed,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct LabLoraStudy {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    /// Folder for plan.json, study.json, study.md, report.html, the adapter and both searches; one of the same study is
    /// continued
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Share of the items that the adapter learns from; the splits divide the others
    #[arg(long, default_value_t = 0.3, value_name = "SHARE")]
    pub(crate) tuned_share: f64,
    #[command(flatten)]
    pub(crate) adapter: AdapterArgs,
    /// Number of random updates with which each matrix is compared
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) draws: usize,
    /// Seed of the adapter, of the searches, of the random updates and of the bootstraps
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

impl LabLoraStudy {
    /// The study as the arguments say.
    pub(crate) fn study(&self) -> LoraStudy {
        LoraStudy {
            training: self.adapter.training(self.seed),
            tuned_share: self.tuned_share,
            fractions: self.task.split_fractions,
            split_seed: self.task.split_seed,
            draws: self.draws,
            seed: self.seed,
        }
    }
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
    #[arg(long, default_value_t = 1_600, value_name = "N")]
    pub(crate) steps: usize,
    /// Number of sentences in a step
    #[arg(long, default_value_t = 64, value_name = "N")]
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

    #[derive(Parser)]
    struct Sokoban {
        #[command(flatten)]
        args: LabSokobanStudy,
    }

    #[test]
    fn the_defaults_are_the_library_s() {
        assert_eq!(Alone::parse_from(["study"]).common.model(), ModelPlan::default());
        let study = Sokoban::parse_from(["study", "--out", "x"]).args.study();
        assert_eq!((study.levels, study.training), (GeneratorSettings::default(), PlayerTraining::default()));
    }
}
