//! GGUF files: one binary file with metadata, tensor descriptions and data, which are often quantised.
//!
//! [`crate::Checkpoint`] reads them. This module writes them: [`rewrite()`] copies a file and replaces the values, and
//! optionally the types, of some tensors; [`write()`] makes a new file.

mod cursor;
pub(crate) mod header;
pub mod metadata;
mod rewrite;
mod value_type;
mod write;

pub use rewrite::rewrite;
pub use write::write;
