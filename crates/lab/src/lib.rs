//! The lab: trains small models, and answers on them what the LASER paper (arXiv 2312.13558) left open.
//!
//! 1. [`training`] trains a model through the same generic block that runs every family; [`text_training`] does it from a
//!    file of texts to a Hugging Face folder, [`lora_training`] trains an adapter on a task to a PEFT folder.
#![forbid(unsafe_code)]

pub mod error;
pub mod lora_training;
pub mod sokoban;
pub mod text_training;
pub mod training;
mod training_folder;

pub use error::{Error, Result};
