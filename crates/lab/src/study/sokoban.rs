//! Does a Decision Transformer that plays Sokoban gain from rank reduction, and does noise in its demonstrations matter?
//!
//! [`SokobanStudy`] trains players on the same rooms, with several seeds and shares of noisy moves; each is searched by
//! the search of every other task, and measured on levels of rooms that chose nothing.

mod measure;
mod paper;
mod player;
mod run;
mod sections;

pub use measure::{Change, NoiseRow, PlayerRow};
pub use run::{SokobanResult, SokobanStudy};
