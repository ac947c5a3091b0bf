//! Trials: takes the rows of the trial store, gives the layer × matrix × ρ grid that is drawn.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::results::SplitSummary;
use crate::results::figures::{percent, points};
use laser_statistics::Split;

/// One edit evaluated on one split.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRow {
    /// Short form, as in `best.edit`; decides which cell is the winner.
    pub edit: String,
    /// Layer, from 0.
    pub layer: usize,
    /// Matrix name.
    pub matrix: String,
    /// What is kept, as it was asked for: ρ, or a reduction by name.
    pub reduction: String,
    /// Singular components kept, where that is a number.
    pub rank: Option<usize>,
    /// Share answered right.
    pub acc: f64,
    /// Mean log-loss, nats.
    pub log_loss: f64,
    /// The split evaluated on.
    pub split: Split,
}

/// The trials of the search split, arranged.
pub(super) struct Grid {
    /// Layers tried, ascending.
    pub(super) layers: Vec<usize>,
    /// Matrices tried, in order of first appearance.
    pub(super) matrices: Vec<String>,
    /// Reductions tried: ρ from the mildest to the most severe, then the others.
    pub(super) reductions: Vec<String>,
    /// Cells by (matrix, ρ, layer) index.
    pub(super) cells: BTreeMap<(usize, usize, usize), Cell>,
}

/// One trial as drawn.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cell {
    /// Short form of the edit.
    pub(super) edit: String,
    /// Singular components kept.
    rank: Option<usize>,
    /// Accuracy minus the base's, both on the search split.
    #[serde(skip)]
    pub(super) gain: f64,
    /// Log-loss, nats: decides between equal accuracies.
    #[serde(skip)]
    loss: f64,
    /// Accuracy, written.
    acc: String,
    /// Gain in points, written.
    change: String,
    /// Log-loss, written.
    log_loss: String,
    /// All figures in one line.
    pub(super) title: String,
    /// Whether this is the winning edit.
    pub(super) winner: bool,
}

impl Grid {
    /// Arranges the trials on the search split and compares them with the base there.
    pub(super) fn new(trials: &[TrialRow], base: &SplitSummary, best_edit: &str) -> Self {
        let trials: Vec<&TrialRow> = trials.iter().filter(|t| t.split == Split::Search).collect();
        let layers: Vec<usize> = trials.iter().map(|t| t.layer).collect::<BTreeSet<_>>().into_iter().collect();
        let matrices = distinct(trials.iter().map(|t| &t.matrix));
        let mut reductions = distinct(trials.iter().map(|t| &t.reduction));
        // Anything that is not a number (an absolute rank) stays in its order, below the numbers.
        let severity = |rho: &String| rho.parse().map_or(f64::INFINITY, |rho: f64| -rho);
        reductions.sort_by(|a, b| severity(a).total_cmp(&severity(b)));

        let place = |names: &[String], name: &String| names.iter().position(|n| n == name);
        let cells = trials
            .iter()
            .filter_map(|t| {
                let key = (
                    place(&matrices, &t.matrix)?,
                    place(&reductions, &t.reduction)?,
                    layers.binary_search(&t.layer).ok()?,
                );
                Some((key, Cell::new(t, base, best_edit)))
            })
            .collect();
        Self { layers, matrices, reductions, cells }
    }

    /// The best trials, best first: by accuracy, then by log-loss, then in grid order.
    pub(super) fn leaders(&self, count: usize) -> Vec<&Cell> {
        let mut cells: Vec<&Cell> = self.cells.values().collect();
        cells.sort_by(|a, b| b.gain.total_cmp(&a.gain).then(a.loss.total_cmp(&b.loss)));
        cells.truncate(count);
        cells
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

/// The distinct names in order of first appearance.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).cloned().collect()
}
