//! Safetensors files: a JSON header followed by plain data. A model is one file, or several (shards) with an index.
//!
//! [`crate::Checkpoint`] reads them. This module writes them: [`rewrite()`] and [`rewrite_folder`] copy files and
//! replace some values, [`write()`] and [`write_folder`] make new files. [`metadata()`] reads the text metadata of a file.

pub(crate) mod header;
mod rewrite;
pub(crate) mod shard_index;
mod text_metadata;
mod write;

pub use rewrite::{rewrite, rewrite_folder};
pub use text_metadata::metadata;
pub use write::{write, write_folder};
