//! Model files as named tensors.

#![deny(unsafe_code)]

pub mod error;
pub mod gguf;

pub use error::CheckpointError;
pub use gguf::metadata::{Array, Metadata, Value};
