//! Figures of the paper for its Decision Transformer (table 2, section 5.3).

/// Levels of the paper's test. Not stated; both shares of the table are whole numbers of 300 levels, and of no smaller
/// round number.
pub(super) const LEVELS: usize = 300;
/// Levels that its unedited model solves: 50.67 %.
pub(super) const SOLVED: usize = 152;
/// Levels that its edited model solves: 53 %.
pub(super) const SOLVED_EDITED: usize = 159;
/// Mean return of its unedited model.
pub(super) const RETURN: f64 = 0.575;
/// Mean return of its edited model.
pub(super) const RETURN_EDITED: f64 = 0.965;
