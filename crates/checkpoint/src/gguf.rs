//! GGUF files: one binary file with metadata, tensor descriptions and (often quantised) data.
//!
//! Reading is in [`crate::Checkpoint`]. Here are the two ways of writing: [`rewrite()`] replaces values, and if asked
//! types, in a copy whose other bytes stay; [`write()`] makes a new file.

pub(crate) mod header;
pub mod metadata;
pub(crate) mod quant;
mod rewrite;
mod write;

pub use rewrite::rewrite;
pub use write::write;
