//! Batch layouts of whole sequences, which attend to nothing before them.

use crate::error::{Error, Result};
use laser_kernels::batch_layout::BatchLayout;

/// Appends a sequence of tokens to `layout`, as one segment without context.
///
/// # Errors
/// A sequence without tokens.
pub(super) fn push_sequence(layout: &mut BatchLayout, tokens: &[u32]) -> Result<()> {
    if tokens.is_empty() {
        return Err(Error::setting("tokens", "expected at least one, found none"));
    }
    layout.push(tokens, 0, Vec::new());
    Ok(())
}

/// The layout of one sequence.
///
/// # Errors
/// A sequence without tokens.
pub(super) fn one_sequence(tokens: &[u32]) -> Result<BatchLayout> {
    let mut layout = BatchLayout::default();
    push_sequence(&mut layout, tokens)?;
    Ok(layout)
}
