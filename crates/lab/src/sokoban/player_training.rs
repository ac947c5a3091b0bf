//! Training of a Decision Transformer on demonstrations of Sokoban.

use std::fs;
use std::path::Path;

use laser::Observer;
use laser::sokoban::PlayerSettings;
use laser_sokoban::episodes::parse_episodes;
use laser_sokoban::level_records::parse_records;
use laser_sokoban::{ACTIONS, Episode, Observation, Part, RecordedLevel, WindowSettings, Windows};
use serde::Serialize;
use serde_json::json;

use super::window_examples::WindowExamples;
use crate::error::{Error, Result};
use crate::training::{
    AdamWSettings, Architecture, Decay, JournalLine, ModelSizes, ParameterSet, Schedule, TrainingSettings, read_config,
    write_model,
};
use crate::training_folder::{Training, TrainingFolder};

/// Levels with their demonstrations.
#[derive(Debug)]
pub struct TrainingLevels {
    levels: Vec<RecordedLevel>,
    episodes: Vec<Episode>,
    /// SHA-256 of both files, which a training that goes on compares.
    sha256: String,
}

impl TrainingLevels {
    /// Reads the levels in a folder that `laser lab sokoban levels` made.
    ///
    /// # Errors
    /// A file that is missing or malformed.
    pub fn read(folder: &Path) -> Result<Self> {
        let [levels, episodes] = ["levels.jsonl", "episodes.bin"].map(|name| folder.join(name));
        let text = fs::read_to_string(&levels).map_err(Error::io(&levels))?;
        let records = parse_records(&levels, &text)?;
        let bytes = fs::read(&episodes).map_err(Error::io(&episodes))?;
        let parsed = parse_episodes(&episodes, &bytes, &text, &records)?;
        let sha256 = laser::source::FileHashes::default().of_files([&levels, &episodes])?;
        Ok(Self { levels: records, episodes: parsed, sha256 })
    }
}

/// A player to train, and how.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PlayerTraining {
    /// How the player sees a state and plays.
    pub player: PlayerSettings,
    /// Standard deviation of the noise of returns; `None`: it is trained without returns.
    pub return_jitter: Option<f64>,
    /// Whether windows are turned and reflected at random.
    pub symmetries: bool,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Number of windows in a step.
    pub batch: usize,
    /// Steps, learning rate, optimiser.
    pub settings: TrainingSettings,
    /// Seed of the initial weights and of the choice of windows.
    pub seed: u64,
}

impl Default for PlayerTraining {
    /// A player of gym-sokoban's board: four blocks of width 128, a learning rate that falls linearly to 1 %.
    fn default() -> Self {
        Self {
            player: PlayerSettings::default(),
            return_jitter: Some(1.0),
            symmetries: true,
            d_model: 128,
            layers: 4,
            heads: 4,
            batch: 128,
            settings: TrainingSettings {
                steps: 1_600,
                schedule: Schedule { learning_rate: 1.5e-3, warm_up: 50, decay: Decay::Linear, last_share: 0.01 },
                optimizer: AdamWSettings::default(),
                clip: 1.0,
                save_every: 100,
            },
            seed: 0,
        }
    }
}

impl PlayerTraining {
    /// Trains the player on the training part of `levels` and writes it to the folder `out`, which must not exist, be empty,
    /// or with `resume` hold a training of the same settings that was stopped. Returns the journal's last line.
    ///
    /// # Errors
    /// Levels without demonstrations, sizes that do not fit together, a folder that is not free, and those of
    /// [`crate::training::Trainer::run`].
    pub fn run(
        &self,
        levels: &TrainingLevels,
        out: &Path,
        resume: bool,
        threads: usize,
        observer: &dyn Observer,
        on_step: impl FnMut(&JournalLine),
    ) -> Result<JournalLine> {
        let player = self.player;
        let observation = Observation::new(player.encoding, player.board)?;
        let window = WindowSettings {
            observation,
            context: player.context,
            return_scale: player.return_scale,
            return_jitter: self.return_jitter,
            symmetries: self.symmetries,
            seed: self.seed,
        };
        let windows = Windows::new(&levels.levels, &levels.episodes, Part::Train, window)?;
        let sizes = ModelSizes {
            d_model: self.d_model,
            layers: self.layers,
            heads: self.heads,
            d_mlp: 4 * self.d_model,
            context: windows.longest().max(player.max_moves),
        };
        let architecture = Architecture::DecisionTransformer { state: observation.width(), actions: ACTIONS };
        let config_json = architecture.config_json(sizes, 0, None, None);
        let training = Training {
            parameters: ParameterSet::initial(read_config(&config_json)?, self.seed)?,
            examples: &WindowExamples { windows, batch: self.batch },
            settings: self.settings,
            description: json!({"player": self, "levels_sha256": levels.sha256}),
        };
        let write = |out: &Path, parameters: &ParameterSet| {
            player.write(out)?;
            write_model(out, &config_json, parameters)
        };
        TrainingFolder::open(out, resume)?.run(training, threads, observer, on_step, write)
    }
}
