//! Sokoban in the lab: sets of levels, made by the generator or of files of others.

mod boxoban_levels;
mod generated_levels;
mod made_levels;

pub use boxoban_levels::{BoxobanSettings, read_boxoban};
pub use generated_levels::generate_levels;
pub use made_levels::MadeLevels;
