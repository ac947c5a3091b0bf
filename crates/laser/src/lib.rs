//! LASER: layer-selective rank reduction of pretrained transformers (arXiv 2312.13558).
//!
//! Takes a pretrained transformer and a task, finds the low-rank edit of its weight matrices that makes it better at
//! the task without training, proves on held-out items whether the gain is real, and writes the edited model.
//!
//! ```
//! use laser::{SearchOptions, Session};
//!
//! # fn main() -> laser::Result<()> {
//! # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../goldens/tiny/llama-bytes");
//! # let questions = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/questions.jsonl");
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let [run, better] = ["run", "better"].map(|name| folder.path().join(name));
//! # let options = laser::SessionOptions { cache_dir: folder.path().join("cache"), ..Default::default() };
//! # #[cfg(any())]
//! let session = Session::open("path/or/hf:name")?;
//! # let session = Session::open_with(model, options)?;
//! # #[cfg(any())]
//! let task = session.task("questions.jsonl")?;
//! # let task = session.task(questions)?;
//! let found = session.search(&task, &SearchOptions::default())?;
//! println!("{}", found.verdict());
//! # let (run, better) = (&run, &better);
//! found.write_run(run)?;
//! # if !found.edit().is_empty() {
//! session.apply(found.edit())?.write(better)?;
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # From files to a proof
//!
//! 1. [`source`] finds or fetches a model's files; [`model::ModelFiles`] opens and checks them, and loads a
//!    [`model::Model`].
//! 2. An [`Edit`] says what is kept of which matrix ([`Reduction`]); [`edit::truncation::Truncation`] turns it into an
//!    overlay over the weights, which never change.
//! 3. A [`task::Task`] has items, and a [`Score`] says which answers are right; [`evaluate::Evaluator`] scores a model on
//!    them and gives an [`Outcome`] for each item.
//! 4. [`search::search`] tries candidates on the search split and keeps each trial in a [`search::store::Store`], chooses
//!    the winner on the validation split, and opens the test split once; [`statistics`] says how sure the gain is.
//! 5. [`run::RunFolder`] holds results, samples, recipe and [`report`]; [`export::Export`] writes the edited model.
//!
//! [`Session`] does all of it. The modules are the same jobs step by step.
//!
//! # What the library does not do
//!
//! It never prints and never exits. It reads neither environment variables nor a clock; caches, tokens and time limits
//! are options. Every random choice takes a seed, and results are the same to the bit for any number of threads.
//! On the CPU, all arithmetic is f32, and forward passes run side by side, one on each thread.
//!
//! # Features
//!
//! `hub` and `pypi` (both on by default) fetch models and data sets; without them no network code is compiled. `cuda`,
//! `metal` and `accelerate` select a back-end of the tensor library.
#![forbid(unsafe_code)]

pub mod cache;
pub mod edit;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod export;
pub mod frequency;
pub mod gradient;
pub mod lora;
mod model_folder;
pub mod page;
pub mod price;
pub mod report;
pub mod results;
pub mod run;
pub mod search;
pub mod session;
pub mod share;
pub mod sokoban;
pub mod sweep;
pub mod team;

pub use edit::Edit;
pub use edit::recipe::Recipe;
pub use edit::reduction::Reduction;
pub use edit::truncation::SvdMethod;
pub use error::{Error, ErrorKind, Result};
pub use evaluate::outcome::Outcome;
pub use laser_model::parallel::{Observer, Unobserved};
pub use laser_task::{Match, Profile, Score};
pub use results::Results;
pub use search::observer::SearchObserver;
pub use search::{Plan, Protocol};
pub use session::{
    AdapterOptions, BehaviourOptions, CompletedSearch, EditedModel, EvaluateOptions, Evaluation, ExplainOptions,
    ExplainedEdit, PromptOptions, RequestedEdit, ScoredTasks, SearchOptions, Session, SessionObserver, SessionOptions,
    SharedFolder, SweepOptions, TaskRequest, TaskSettings, TriedEdit, WrittenForm,
};

/// Model files as named tensors.
pub use laser_checkpoint as checkpoint;
/// Operations of the forward pass.
#[doc(hidden)]
pub use laser_kernels as kernels;
/// Matrices and their decompositions.
pub use laser_linalg as linalg;
/// Model files as a transformer that runs.
pub use laser_model as model;
/// Fetching of models and data sets.
pub use laser_source as source;
/// Intervals, tests and splits.
pub use laser_statistics as statistics;
/// Data files as items with prompts and answers.
pub use laser_task as task;
