//! Studies of small models: on fact worlds, what rank reduction fixes, and whether pruning the training data does the same;
//! on Sokoban, whether it helps a player; and what fine-tuning changes of what it removes.
//!
//! [`Questions`] are the facts of a world in tokens, [`Answers`] what a model says to them; [`edit_sweep`] finds the best
//! edit on one half of the facts, and everything else is measured on the other.

mod answers;
mod bins;
mod divergence;
pub mod edit_sweep;
pub mod equivalence;
pub mod facts;
mod flips;
pub mod lora;
mod mention_losses;
mod model_plan;
mod questions;
pub mod sokoban;
mod study_folder;

pub use answers::{Answers, PromptBatch};
pub use bins::{N_BINS, bin_name, bin_of};
pub use divergence::{js, kl};
pub use flips::{Flip, FlipRow, FlipTable, Rate, Slope, Trend, flip_table};
pub use model_plan::ModelPlan;
pub use questions::Questions;
