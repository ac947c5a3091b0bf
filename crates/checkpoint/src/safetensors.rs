//! Safetensors files: a JSON header and plain data; models come as one file or as shards with an index.

pub(crate) mod header;
pub(crate) mod shards;
