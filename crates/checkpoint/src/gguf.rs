//! GGUF files: one binary file with metadata, tensor descriptions and (often quantised) data.

pub mod metadata;
