//! Data files as items: takes a data set, a file of questions or a harness task, gives prompts with their answers and
//! the rule that scores them.
//!
//! The way of the data, in order:
//!
//! 1. [`Task::open`] looks a name up: a built-in task, a YAML file of lm-evaluation-harness, or the user's own file of
//!    questions. The prompts depend on [`TaskOptions`]: the kind of model and the profile.
//! 2. [`dataset::Records`] reads the files of a data set (JSON, JSON lines, CSV, TSV, text, Parquet) into records;
//!    [`dataset::DatasetLayout`] finds them in a folder.
//! 3. Each record becomes one or more [`Item`]s: by a built-in task ([`BUILT_IN`]), by the templates of a harness task
//!    ([`harness`]), or by the layout of the user's own questions ([`questions`]).
//! 4. A [`Task`] holds the items with the default [`Score`], the [`Filters`] for generated texts, and [`Join`], the
//!    rules by which prompt and answer become tokens.
//! 5. [`chat::ChatTemplate`] optionally turns every prompt into a user turn of the model's own chat format.
//!
//! The crate computes nothing with a model: scoring the items is the work of `laser::evaluate`. It reads files, but
//! neither the network, the environment nor a clock.
#![forbid(unsafe_code)]

mod bounded_template;
pub mod built_in;
pub mod chat;
pub mod dataset;
pub mod error;
pub mod filter;
pub mod harness;
pub mod join;
pub mod named;
mod open;
pub mod options;
pub mod questions;
pub mod score;
pub mod spelling;
mod task;
pub mod text_file;

pub use built_in::{BUILT_IN, HubData, TaskInfo};
pub use error::{Error, ErrorKind, Result};
pub use filter::Filters;
pub use join::{Boundary, Join};
pub use options::{Profile, TaskOptions};
pub use questions::{QuestionSettings, Questions};
pub use score::{LengthNormalization, Match, Score, Ties};
pub use task::{Item, Task, Turn};
