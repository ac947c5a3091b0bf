//! Does fine-tuning fill what rank reduction removes, and does rank reduction still help afterwards?
//!
//! [`LoraStudy`] trains a LoRA adapter on one part of a task, searches edits of the base and of the tuned model on the
//! other, and compares both models with both edits on items that neither chose nor taught anything.

mod run;
mod sections;

pub use run::{FoundEdit, LoraResult, LoraStudy};
