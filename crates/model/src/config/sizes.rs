//! The sizes that every family has, before a configuration is made of them.

use crate::error::{Error, Result};

/// Largest number of layers or of heads that is accepted. Memory is allocated by these numbers, so that a damaged file
/// must not choose them freely.
const MAX_COUNT: usize = 4096;

/// The sizes that every family has; fields as in [`ModelConfig`](super::ModelConfig).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) vocab_size: usize,
    pub(crate) d_model: usize,
    pub(crate) n_layers: usize,
    pub(crate) n_heads: usize,
    pub(crate) n_kv_heads: usize,
    pub(crate) d_head: usize,
    pub(crate) d_mlp: usize,
    pub(crate) max_positions: usize,
}

/// Rejects a number of layers or heads that is 0 or too large, before anything is allocated by it.
///
/// # Errors
/// A number outside 1 to 4096; the error names `file` and `key`.
pub(super) fn check_count(file: &str, key: &str, found: usize) -> Result<()> {
    if found == 0 || found > MAX_COUNT {
        return Err(Error::Config {
            file: file.into(),
            key: key.into(),
            expected: format!("1 to {MAX_COUNT}"),
            found: found.to_string(),
        });
    }
    Ok(())
}
