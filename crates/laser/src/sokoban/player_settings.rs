//! `sokoban.json`, beside the files of a trained Decision Transformer: how it sees a state and how it plays.

use std::path::Path;

use laser_checkpoint::write_atomically;
use laser_model::ModelConfig;
use laser_sokoban::rules::boxes_off_goal;
use laser_sokoban::{ACTIONS, Encoding, Observation, Room, State};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Name of the file.
pub const PLAYER_FILE: &str = "sokoban.json";

/// How a Decision Transformer plays Sokoban.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayerSettings {
    /// Encoding of a state.
    pub encoding: Encoding,
    /// Rows and columns of the largest room that it can see, walls around it included.
    pub board: usize,
    /// Number of the last steps that it reads.
    pub context: usize,
    /// Number by which returns are divided.
    pub return_scale: f64,
    /// Return-to-go that it plays for, beyond one for each box off its goal: 9 plays as if ten moves were left. `None`:
    /// it was trained without returns, and reads zeros.
    pub target: Option<f64>,
    /// Number of moves after which a level counts as not solved.
    pub max_moves: usize,
}

impl Default for PlayerSettings {
    fn default() -> Self {
        Self {
            encoding: Encoding::Egocentric,
            board: 10,
            context: 4,
            return_scale: 10.0,
            target: Some(9.0),
            max_moves: 40,
        }
    }
}

impl PlayerSettings {
    /// Reads `sokoban.json` in the folder of a model.
    ///
    /// # Errors
    /// A file that is missing or malformed, or has values that cannot be used.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(PLAYER_FILE);
        if folder.is_dir() && !path.exists() {
            let problem =
                format!("expected a model that plays Sokoban, found no {PLAYER_FILE} in {}", folder.display());
            return Err(Error::setting("model", problem));
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let settings: Self = serde_json::from_str(&text).map_err(|e| Error::parse(&path, e))?;
        settings.check().map_err(|e| Error::parse(&path, e))?;
        Ok(settings)
    }

    /// Writes `sokoban.json` into the folder of a model.
    ///
    /// # Errors
    /// Values that cannot be used; a file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        self.check().map_err(|e| Error::setting(PLAYER_FILE, e))?;
        let text = serde_json::to_string_pretty(self).expect("numbers are JSON") + "\n";
        Ok(write_atomically(&folder.join(PLAYER_FILE), text.as_bytes())?)
    }

    /// Checks the values by themselves.
    fn check(&self) -> Result<(), String> {
        Observation::new(self.encoding, self.board).map_err(|e| e.to_string())?;
        if self.context == 0 || self.max_moves == 0 {
            let Self { context, max_moves, .. } = self;
            return Err(format!("expected a context and max_moves of at least 1, found {context} and {max_moves}"));
        }
        if !(self.return_scale.is_finite() && self.return_scale > 0.0) {
            return Err(format!("return_scale: expected a number above 0, found {}", self.return_scale));
        }
        match self.target {
            Some(target) if !target.is_finite() => Err(format!("target: expected a number, found {target}")),
            _ => Ok(()),
        }
    }

    /// Checks that a model has the sizes that the settings need.
    ///
    /// # Errors
    /// A model that reads no trajectories, or has other sizes.
    pub fn check_model(&self, config: &ModelConfig) -> Result<()> {
        let Some(sizes) = config.embedding.trajectory else {
            let problem = format!("expected a Decision Transformer, found a {}", config.family.name);
            return Err(Error::setting("model", problem));
        };
        let wrong = |key: &str, expected: String, found: String| Error::Config {
            file: "config.json".to_owned(),
            key: key.to_owned(),
            expected: format!("{expected} by {PLAYER_FILE}"),
            found,
        };
        let width = self.observation()?.width();
        if sizes.state != width {
            return Err(wrong("state_dim", width.to_string(), sizes.state.to_string()));
        }
        if sizes.action != ACTIONS {
            return Err(wrong("act_dim", ACTIONS.to_string(), sizes.action.to_string()));
        }
        if sizes.time_steps < self.max_moves {
            return Err(wrong("max_ep_len", format!("at least {}", self.max_moves), sizes.time_steps.to_string()));
        }
        match sizes.bounded_actions {
            true => Err(wrong("action_tanh", "false".to_owned(), "true".to_owned())),
            false => Ok(()),
        }
    }

    /// The encoding for rooms of the board's size.
    ///
    /// # Errors
    /// A board that cannot be used.
    pub fn observation(&self) -> Result<Observation> {
        Ok(Observation::new(self.encoding, self.board)?)
    }

    /// The scaled return-to-go that a model reads in a state of a room.
    pub fn return_to_go(&self, room: &Room, state: &State) -> f32 {
        let target = self.target.map_or(0.0, |target| target + boxes_off_goal(room, state) as f64);
        (target / self.return_scale) as f32
    }
}
