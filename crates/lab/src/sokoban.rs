//! Sokoban in the lab: sets of levels, made by the generator or of files of others, and players trained on them.

mod boxoban_levels;
mod generated_levels;
mod made_levels;
mod player_training;
mod window_examples;

pub use boxoban_levels::{BoxobanSettings, read_boxoban};
pub use generated_levels::generate_levels;
pub use made_levels::MadeLevels;
pub use player_training::{PlayerTraining, TrainingLevels};
