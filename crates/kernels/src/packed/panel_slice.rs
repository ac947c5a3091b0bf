//! The unit of which panels are made.

use super::PANEL;

/// The weights of one input for all outputs of a panel; aligned to cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct PanelSlice<T>(pub(super) [T; PANEL]);
