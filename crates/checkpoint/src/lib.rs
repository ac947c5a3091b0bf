//! Model files as named tensors: bytes in, `f32` out, and back into files that differ from their source only where
//! they were meant to.
//!
//! This crate knows two formats and no model: a tensor's name is a name, a metadata key is a key.
//!
//! 1. [`Checkpoint::open`] takes a folder of safetensors (one file, or shards with their index), a `.safetensors` file
//!    or a `.gguf` file. It maps the files, reads their headers and refuses everything that is not as it should be,
//!    so that what follows cannot run into the end of a file. Pickles are refused with advice.
//! 2. [`Checkpoint::tensors`] lists what there is, sorted by name: element type, shape (outermost first in both
//!    formats), file, bytes. [`Checkpoint::gguf_metadata`] gives the keys of a GGUF file.
//! 3. [`Checkpoint::tensor`] gives a [`TensorView`]; [`TensorView::to_f32`] and [`TensorView::rows_to_f32`] turn F32,
//!    F16, BF16 and the GGUF types Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K into `f32`. NaN and infinity are
//!    errors that give their place.
//! 4. [`safetensors::rewrite_folder`], [`safetensors::rewrite`] and [`gguf::rewrite`] write a copy with the values of
//!    some tensors replaced, and report what [`Rounding`] cost. All other bytes stay, and so do blocks whose values do
//!    not change. [`safetensors::write_folder`], [`safetensors::write`] and [`gguf::write`] make new files.
//!    [`stored_values`] and [`TensorView::stored_over`] say beforehand what reading back will give.
//!
//! Files are written beside their target, synced and renamed: a reader sees the old file or the new one.
//!
//! # Limits
//! Memory: opening takes memory in proportion to the headers, reading a tensor four bytes a value. A header may
//! describe as many tensors as it has room for; time is not bounded beyond that. Nobody may change a file in place
//! while it is open here; replacing it by rename is fine. GGUF is read in versions 2 and 3, little-endian.
//!
//! # Errors
//! Every function gives [`CheckpointError`]: the file, and in [`CheckpointError::problem`] one variant a condition,
//! with the tensor, what was expected and what was found.

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
