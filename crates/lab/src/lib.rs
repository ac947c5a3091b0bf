//! The lab: trains small models, and answers on them what the LASER paper (arXiv 2312.13558) left open.
//!
//! 1. [`training`] trains a model through the same generic block that runs every family; [`text_training`] does it from a
//!    file of texts to a Hugging Face folder, [`lora_training`] trains an adapter on a task to a PEFT folder.
//! 2. [`facts`] makes worlds of facts whose frequency and noise are known exactly, as a corpus to train on and a task to
//!    score.
//! 3. [`study`] answers questions with trained models, and writes the answers as a page.
//! 4. [`sokoban`] makes sets of levels, and trains players on them.
//!
//! `docs/lab.md` says what is asked, and what came out.
#![forbid(unsafe_code)]

pub mod error;
pub mod facts;
pub mod lora_training;
pub mod sokoban;
pub mod study;
pub mod text_training;
pub mod training;
mod training_folder;

pub use error::{Error, Result};
