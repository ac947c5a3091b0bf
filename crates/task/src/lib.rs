//! Data files as items: takes a file of questions, a data set or a harness task, gives prompts with their answers.
#![forbid(unsafe_code)]

pub mod built_in;
pub mod chat;
pub mod dataset;
pub mod error;
pub mod filter;
pub mod harness;
pub mod join;
pub mod named;
mod open;
pub mod questions;
pub mod score;
pub mod setup;
mod task;

pub use built_in::{BUILT_IN, HubData, TaskInfo};
pub use error::{Error, Result};
pub use filter::Filters;
pub use join::{Boundary, Join};
pub use score::{Length, Match, Score, Ties};
pub use setup::{Profile, TaskOptions};
pub use task::*;
