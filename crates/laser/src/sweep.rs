//! Sweeps: every reduction of every matrix, measured on the same items, without choosing any. The paper's figures 2, 8, 9
//! and 10 are such sweeps.
//!
//! 1. [`SweepGrid`] says which percentages of which matrices are removed, and how ([`Kind`]); it gives the candidates.
//! 2. [`crate::Session::sweep`] scores them, with the savings of a search and in a store that can be continued.
//! 3. [`Sweep`] has a [`SweepRow`] for each; [`Sweep::csv`] and [`Sweep::page`] show them.

mod csv;
mod grid;
mod row;
mod sections;

use serde::{Deserialize, Serialize};

pub use grid::{GridPoint, Kind, PAPER_PERCENTAGES, SweepGrid};
pub use row::{Scored, SweepRow};

use crate::results::Manifest;

/// Results of a sweep: the contents of `sweep.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Number of items that every edit was scored on.
    pub items: usize,
    /// Number of groups of these items.
    pub groups: usize,
    /// The unedited model.
    pub base: Scored,
    /// One row for each edit, by layer, then matrix, then kind, then percentage.
    pub rows: Vec<SweepRow>,
    /// Everything that is needed to repeat the sweep.
    pub manifest: Manifest,
    /// Remarks for the reader.
    pub notes: Vec<String>,
}
