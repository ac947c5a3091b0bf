//! GGUF files: a binary file with metadata, tensor descriptions and data, which are often quantised; a large model may
//! be split into several such files.
//!
//! [`crate::Checkpoint`] reads them. This module writes them: [`rewrite()`] copies a model and replaces the values, and
//! optionally the types, of some tensors; [`write()`] makes a new file. [`is_gguf`] recognises a file by its content.

mod cursor;
mod header;
mod magic;
pub mod metadata;
pub(crate) mod parts;
mod rewrite;
mod split;
mod value_type;
mod write;

pub use magic::is_gguf;
pub use rewrite::{rewrite, rewrite_with_metadata};
pub use write::write;
