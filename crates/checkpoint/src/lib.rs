//! Model files as named tensors.

#![deny(unsafe_code)]

mod checkpoint;
mod codec;
mod dtype;
mod error;
pub mod gguf;
mod mapping;
pub mod safetensors;
mod tensor;
mod write;

pub use checkpoint::{Checkpoint, Format};
pub use codec::stored_values;
pub use dtype::Dtype;
pub use error::CheckpointError;
pub use gguf::metadata::{Array, Metadata, Value};
pub use tensor::{TensorInfo, TensorView};
pub use write::{NewTensor, Rounding, Values, write_atomically};
