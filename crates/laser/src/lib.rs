//! LASER: layer-selective rank reduction of pretrained transformers (arXiv 2312.13558).
//!
//! The walk, in the order of the data:
//!
//! 1. [`source`] finds a model's files; [`model::ModelFiles`] opens and checks them; [`tokenizer`] reads theirs.
//! 2. [`edit::Edit`] says which matrices keep what ([`reduction::Reduction`]); [`truncation::Truncation`] turns it into
//!    an overlay on the weights, which stay as they are.
//! 3. [`task::Task`] has the questions ([`chat::ChatTemplate`] puts them as a user's turn), [`score::Score`] says what counts as right, and [`evaluate::Evaluator`] puts a
//!    model to them; [`objective::Objective`] makes one value of its tasks.
//! 4. [`search::search`] tries every edit of a space, keeps each trial in a [`store::Store`], chooses, and opens the
//!    test split once; [`statistics`] weighs what it found.
//! 5. [`run::RunFolder`] writes results, samples, recipe and [`report`]; [`export::Export`] writes the edited model.
//!
//! ```no_run
//! use laser::{device::Place, edit::Edit, evaluate::Exam, model::Files, parallel::Unobserved};
//! use laser::task::{Setup, Task};
//! use laser::truncation::{SvdMethod, Truncation};
//!
//! let place = Place::parse("cpu", None)?;
//! let files = Files::open("model.gguf".as_ref())?;
//! let (tokenizer, model) = (files.tokenizer()?, files.load(&place.device, place.dtype, 2)?);
//! let edit = Edit::parse("L27.fc_in@0.01", files.config())?;
//! let (edited, _) = Truncation::new(SvdMethod::Exact, None, 2).apply(&model, &edit)?;
//!
//! let task = Task::open("world-facts", None, &Setup::default())?.limited(Some(200))?;
//! let exam = Exam::new(&[(&task, task.default_score)], &tokenizer, files.config())?;
//! let items: Vec<usize> = (0..exam.items().len()).collect();
//! let outcomes = exam.evaluate(&edited, &items, 2, "eval", &Unobserved)?;
//! println!("{} right", outcomes.iter().filter(|o| o.correct).count());
//! # Ok::<(), laser::Error>(())
//! ```
//!
//! The library never prints, never exits, and reads neither the environment nor a clock; every random choice takes a
//! seed. On the CPU everything is f32, and passes run side by side, one a thread.
#![forbid(unsafe_code)]

pub mod edit;
pub mod error;
pub mod evaluate;
pub mod export;
pub mod gradient;
pub mod report;
pub mod results;
pub mod run;
pub mod search;
pub mod session;

pub use error::{Error, Result};
pub use session::{
    CompletedSearch, EditedModel, EvaluateOptions, Evaluation, RequestedEdit, ScoredTasks, SearchOptions, Session,
    SessionObserver, SessionOptions, TaskRequest, TaskSettings,
};

/// Model files as named tensors.
pub use laser_checkpoint as checkpoint;
/// Operations of the forward pass.
#[doc(hidden)]
pub use laser_kernels as kernels;
/// Matrices and rank.
pub use laser_linalg as linalg;
/// Model files as a transformer that runs.
pub use laser_model as model;
/// Where models and data sets come from.
pub use laser_source as source;
/// Intervals, tests and splits.
pub use laser_statistics as statistics;
/// Data files as items.
pub use laser_task as task;
