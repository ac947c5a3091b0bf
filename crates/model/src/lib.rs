//! Model files as a transformer that runs: takes a folder or a GGUF file, gives logits.
#![deny(unsafe_code)]

pub mod arch;
pub mod config;
pub mod device;
pub mod error;
pub mod forward;
mod kind;
pub mod layout;
pub mod load;
pub mod meter;
mod model;
pub mod parallel;
pub mod rope;
pub mod tokenizer;
pub mod trajectory;
pub mod weight_id;

pub use config::{ModelConfig, Piece};
pub use error::{Error, Result};
pub use kind::ModelKind;
pub use laser_kernels::linear::Weight;
pub use laser_kernels::variants::Variants;
pub use load::ModelFiles;
pub use meter::ForwardWork;
pub use model::*;
