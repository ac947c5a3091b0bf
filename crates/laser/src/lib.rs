//! LASER: layer-selective rank reduction of pretrained transformers (arXiv 2312.13558).
#![deny(unsafe_code)]

pub mod arch;
pub mod device;
pub mod edit;
pub mod error;
pub mod evaluate;
pub mod export;
pub mod forward;
pub mod model;
mod ops;
pub mod parallel;
pub mod recipe;
pub mod report;
pub mod results;
pub mod run;
pub mod score;
pub mod search;
pub mod source;
pub mod statistics;
pub mod store;
pub mod task;
pub mod tokenizer;
pub mod truncation;
pub mod weight;

pub use error::{Error, Result};

/// Model files as named tensors.
pub use laser_checkpoint as checkpoint;
/// Matrices and rank.
pub use laser_linalg as linalg;
