//! GGUF files: one binary file with metadata, tensor descriptions and (often quantised) data.

pub(crate) mod header;
pub mod metadata;
pub(crate) mod quant;
