//! Sokoban: sets of levels on disk, and Decision Transformers that play them.
//!
//! 1. [`LevelSet`] is a folder with `levels.jsonl` and `episodes.bin`.
//! 2. [`PlayerSettings`] is the `sokoban.json` beside a trained model: how it sees a state and for what return it plays.
//! 3. [`Player`] is a model with its settings. [`Player::play`] plays many levels at once; [`Player::score`] measures how
//!    probable it finds demonstrations. [`animate`] draws plays side by side.

mod animation;
mod level_set;
mod play;
mod player;
mod player_settings;
mod score;

pub use animation::{Scene, animate};
pub use level_set::LevelSet;
pub use play::{Ending, Played};
pub use player::Player;
pub use player_settings::{PLAYER_FILE, PlayerSettings};
pub use score::DemonstrationScore;
