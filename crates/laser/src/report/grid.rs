//! Grid: takes trials of one matrix each, gives them arranged by matrix, reduction and layer, as the drawings show them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::results::SplitSummary;
use crate::results::number_format::{percent, points};
use crate::search::store::TrialRow;
use laser_statistics::Split;

/// The trials on the search split, arranged by matrix, reduction and layer.
pub(super) struct Grid {
    /// Layers, ascending.
    pub(super) layers: Vec<usize>,
    /// Matrices, in order of first appearance.
    pub(super) matrices: Vec<String>,
    /// Reductions: ρ from the largest to the smallest, then the others in order of first appearance.
    pub(super) reductions: Vec<String>,
    /// The trials by (matrix, reduction, layer), as positions in the three lists above. Combinations that were not tried
    /// have no entry.
    pub(super) cells: BTreeMap<(usize, usize, usize), Cell>,
}

/// One trial: its gain over the unedited model ("base"), and its scores as formatted text.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cell {
    /// The edit in short form.
    pub(super) edit: String,
    /// Number of singular components kept; `None` for reductions without a rank.
    rank: Option<usize>,
    /// Accuracy minus accuracy of the base, a fraction.
    #[serde(skip)]
    pub(super) gain: f64,
    /// Log-loss, nats an item; orders trials of equal accuracy.
    #[serde(skip)]
    loss: f64,
    /// Accuracy, per cent.
    acc: String,
    /// Gain, percentage points.
    change: String,
    /// Log-loss, nats an item.
    log_loss: String,
    /// Description of the trial in one line, shown as a tooltip.
    pub(super) title: String,
    /// Whether this is the winning edit.
    pub(super) winner: bool,
}

impl Grid {
    /// Arranges those of `trials` that are on the search split. `base` has the scores of the base on the search split;
    /// `best_edit` is the winner in short form.
    pub(super) fn new(trials: &[TrialRow], base: &SplitSummary, best_edit: &str) -> Self {
        let trials: Vec<&TrialRow> = trials.iter().filter(|t| t.split == Split::Search).collect();
        let layers: Vec<usize> = trials.iter().map(|t| t.layer).collect::<BTreeSet<_>>().into_iter().collect();
        let matrices = distinct(trials.iter().map(|t| &t.matrix));
        let mut reductions = distinct(trials.iter().map(|t| &t.reduction));
        // Other reductions than ρ, such as an absolute rank, are no numbers. They get the last place; the sort is stable.
        let place = |reduction: &String| reduction.parse().map_or(f64::INFINITY, |rho: f64| -rho);
        reductions.sort_by(|a, b| place(a).total_cmp(&place(b)));

        let position = |names: &[String], name: &String| names.iter().position(|n| n == name);
        let cells = trials
            .iter()
            .filter_map(|t| {
                let key = (
                    position(&matrices, &t.matrix)?,
                    position(&reductions, &t.reduction)?,
                    layers.binary_search(&t.layer).ok()?,
                );
                Some((key, Cell::new(t, base, best_edit)))
            })
            .collect();
        Self { layers, matrices, reductions, cells }
    }

    /// The `count` best trials, best first: ordered by accuracy, then by log-loss, then as in `cells`. The winner comes last
    /// if it is not among them but in the grid.
    pub(super) fn leaders(&self, count: usize) -> Vec<&Cell> {
        let mut cells: Vec<&Cell> = self.cells.values().collect();
        cells.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(a.loss.total_cmp(&b.loss)));
        let is_leader = |(place, cell): &(usize, &Cell)| *place < count || cell.winner;
        cells.into_iter().enumerate().filter(is_leader).map(|(_, cell)| cell).collect()
    }
}

impl Cell {
    fn new(trial: &TrialRow, base: &SplitSummary, best_edit: &str) -> Self {
        let TrialRow { edit, layer, matrix, reduction, rank, acc, log_loss, .. } = trial;
        let rank_note = rank.map_or_else(String::new, |rank| format!(" (rank {rank})"));
        let gain = acc - base.acc;
        let winner = edit == best_edit;
        Self {
            edit: edit.clone(),
            rank: *rank,
            gain,
            loss: *log_loss,
            acc: percent(*acc),
            change: points(gain),
            log_loss: format!("{log_loss:.3}"),
            title: format!(
                "layer {layer}, {matrix}, keep {reduction}{rank_note}: {} right, {} points; log-loss \
                 {log_loss:.3} nats against {:.3}{}",
                percent(*acc),
                points(gain),
                base.log_loss,
                if winner { "; the winner" } else { "" },
            ),
            winner,
        }
    }
}

/// The different names, in order of first appearance.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).cloned().collect()
}
