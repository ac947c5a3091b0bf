//! Sokoban: levels, rules, exact solutions, and what a player sees.
//!
//! 1. A [`Room`] has walls and goals; a [`Level`] adds a start, [`rules`] play it.
//! 2. [`generate()`] carves rooms and searches each of them backwards from its solutions ([`BackwardSearch`]), so that
//!    the optimal distance and moves of every state are known; [`boxoban`] reads levels of others, and [`solve()`] or
//!    [`Solutions`] solve them.
//! 3. A room belongs to one [`Part`], whatever its starts: for training, for a search, for its proof. [`RoomId`] tells
//!    rooms apart, rotations and reflections aside.
//! 4. [`level_records`] and [`episodes`] are the two files of a set of levels.
//! 5. [`Observation`] turns a state into numbers, [`Context`] collects the steps that a Decision Transformer reads, and
//!    [`Windows`] gives it batches for training.
#![forbid(unsafe_code)]

mod assignment;
mod backward;
pub mod boxoban;
mod carve;
mod context;
mod demonstration;
pub mod episodes;
mod error;
mod floor;
mod generate;
mod level;
pub mod level_records;
mod moves;
mod observation;
mod part;
mod push_distances;
mod room;
mod room_id;
pub mod rules;
mod solutions;
mod solve;
mod state_table;
mod symmetry;
mod windows;

pub use backward::{BackwardSearch, Bounds};
pub use context::{ACTIONS, Context};
pub use demonstration::{Demonstration, Noise, NoiseKind, Step};
pub use episodes::Episode;
pub use error::{Error, LevelProblem, Result};
pub use generate::{GeneratedLevel, GeneratorCounts, GeneratorSettings, generate};
pub use level::{Level, State, draw};
pub use level_records::{LevelRecord, RecordedLevel};
pub use moves::{Move, MoveSet};
pub use observation::{Encoding, Observation};
pub use part::{Part, Shares};
pub use room::{MAX_SIDE, Room, Square};
pub use room_id::RoomId;
pub use solutions::Solutions;
pub use solve::{Fewest, Solution, Solved, solve};
pub use symmetry::Symmetry;
pub use windows::{WindowBatch, WindowSettings, Windows};
