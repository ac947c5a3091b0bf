//! Grid: takes the rows of the trials, gives the edits of one matrix arranged by matrix, reduction and layer, as the
//! drawings show them, and the edits of several matrices as a list.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::number_format::{count, percent, points, signed_nats};
use crate::results::{Results, SplitSummary};
use crate::search::Prediction;
use crate::search::store::TrialRow;

/// Edits by matrix, reduction and layer.
pub(super) struct Grid {
    /// All layers of the model, ascending.
    pub(super) layers: Vec<usize>,
    /// Matrices, in order of first appearance.
    pub(super) matrices: Vec<String>,
    /// Reductions: ρ from the largest to the smallest, then the others in order of first appearance.
    pub(super) reductions: Vec<String>,
    /// The edits by (matrix, reduction, layer), as positions in the three lists above. Combinations that the search could
    /// not try have no entry.
    pub(super) cells: BTreeMap<(usize, usize, usize), Cell>,
    /// Edits of several matrices that were scored on all items, the best first.
    pub(super) compositions: Vec<Cell>,
    /// Unit of the predictions.
    pub(super) predicts: Prediction,
    /// The predictions in ascending order, if they have no unit.
    pub(super) ascending: Vec<f64>,
}

/// Knowledge of an edit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Progress {
    /// Nothing.
    Untried,
    /// A prediction.
    Screened,
    /// Scores on a share of the items, below 1.
    Partial(f64),
    /// Scores on all items.
    Full,
}

/// One edit.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// The edit in short form.
    pub(super) edit: String,
    /// Number of singular components kept; `None` for reductions without a rank.
    pub(super) rank: Option<usize>,
    pub(super) progress: Progress,
    /// Change of the accuracy, a fraction.
    pub(super) gain: Option<f64>,
    /// Fall of the log-loss, nats an item.
    pub(super) loss_fall: Option<f64>,
    pub(super) prediction: Option<f64>,
    /// Accuracy, a fraction.
    pub(super) accuracy: Option<f64>,
    /// Log-loss, nats an item.
    pub(super) log_loss: Option<f64>,
    /// All of this in one line.
    pub(super) title: String,
    /// True for the winner, and for the reductions that it consists of.
    pub(super) winner: bool,
}

impl Grid {
    /// Arranges the rows; `base` has the scores of the unedited model on the search split, and `winner` the reductions of
    /// the winner in short form.
    pub(super) fn new(trials: &[TrialRow], results: &Results, base: &SplitSummary, winner: &[String]) -> Self {
        let singles: Vec<(&TrialRow, usize)> = trials.iter().filter_map(|t| Some((t, t.layer?))).collect();
        let last = singles.iter().map(|(_, layer)| layer + 1).max().unwrap_or(0);
        let layers: Vec<usize> = (0..results.search.space.model_layers.unwrap_or(last).max(last)).collect();
        let matrices = distinct(singles.iter().map(|(t, _)| &t.matrix));
        let mut reductions = distinct(singles.iter().map(|(t, _)| &t.reduction));
        // Other reductions than ρ, such as an absolute rank, are no numbers. They get the last place; the sort is stable.
        let place = |reduction: &String| reduction.parse().map_or(f64::INFINITY, |rho: f64| -rho);
        reductions.sort_by(|a, b| place(a).total_cmp(&place(b)));

        let predicts = results.search.screen.as_ref().map_or(Prediction::Order, |screen| screen.predicts);
        let cell = |trial: &TrialRow| {
            let is_winner = trial.edit == results.best.edit || trial.layer.is_some() && winner.contains(&trial.edit);
            Cell::new(trial, base.n, predicts, is_winner)
        };
        let position = |names: &[String], name: &String| names.iter().position(|n| n == name);
        let cells = singles.iter().filter_map(|(t, layer)| {
            Some(((position(&matrices, &t.matrix)?, position(&reductions, &t.reduction)?, *layer), cell(t)))
        });
        let cells = cells.collect();
        let mut compositions: Vec<Cell> = trials.iter().filter(|t| t.layer.is_none()).map(cell).collect();
        compositions.retain(|cell| cell.progress == Progress::Full);
        compositions.sort_by(best_first);
        let mut ascending: Vec<f64> = trials.iter().filter_map(|trial| trial.prediction).collect();
        ascending.sort_by(f64::total_cmp);
        Self { layers, matrices, reductions, cells, compositions, predicts, ascending }
    }

    /// The cells of the matrix at position `matrix`, by (reduction, layer).
    pub(super) fn of_matrix(&self, matrix: usize) -> impl Iterator<Item = ((usize, usize), &Cell)> {
        let cells = self.cells.range((matrix, 0, 0)..(matrix + 1, 0, 0));
        cells.map(|((_, reduction, layer), cell)| ((*reduction, *layer), cell))
    }

    /// The `count` best edits of one matrix that were scored on all items, best first. The winner comes last if it is not
    /// among them but in the grid.
    pub(super) fn leaders(&self, count: usize) -> Vec<&Cell> {
        let mut cells: Vec<&Cell> = self.cells.values().filter(|cell| cell.progress == Progress::Full).collect();
        cells.sort_by(|a, b| best_first(a, b));
        let is_leader = |(place, cell): &(usize, &Cell)| *place < count || cell.winner;
        cells.into_iter().enumerate().filter(is_leader).map(|(_, cell)| cell).collect()
    }
}

/// By accuracy where there is one, then by log-loss.
fn best_first(a: &Cell, b: &Cell) -> std::cmp::Ordering {
    let key = |cell: &Cell| (cell.gain.unwrap_or(0.0), cell.loss_fall.unwrap_or(f64::NEG_INFINITY));
    let (a, b) = (key(a), key(b));
    b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
}

impl Cell {
    fn new(trial: &TrialRow, all_items: usize, predicts: Prediction, winner: bool) -> Self {
        let progress = match trial.items {
            0 if trial.prediction.is_some() => Progress::Screened,
            0 => Progress::Untried,
            n if n < all_items => Progress::Partial(n as f64 / all_items as f64),
            _ => Progress::Full,
        };
        Self {
            edit: trial.edit.clone(),
            rank: trial.rank,
            progress,
            gain: trial.accuracy_change,
            loss_fall: trial.log_loss_change.map(|change| -change),
            prediction: trial.prediction,
            accuracy: trial.accuracy,
            log_loss: trial.log_loss,
            title: title(trial, all_items, progress, predicts, winner),
            winner,
        }
    }
}

/// Describes a trial in one line.
fn title(trial: &TrialRow, all_items: usize, progress: Progress, predicts: Prediction, winner: bool) -> String {
    let rank = trial.rank.map_or_else(String::new, |rank| format!(" (rank {rank})"));
    let place = match trial.layer {
        Some(layer) => format!("layer {layer}, {}, keep {}{rank}", trial.matrix, trial.reduction),
        None => trial.edit.clone(),
    };
    let scores = match (trial.accuracy, trial.accuracy_change) {
        (Some(accuracy), Some(change)) => Some(format!("{} right, {} points", percent(accuracy), points(change))),
        _ => None,
    };
    let loss = match (trial.log_loss, trial.log_loss_change) {
        (Some(loss), Some(change)) => Some(format!("log-loss {loss:.3} nats, {}", signed_nats(change))),
        _ => None,
    };
    let predicted = trial.prediction.map(|value| match predicts {
        Prediction::Accuracy => format!("predicted {} points", points(value)),
        Prediction::Margin => format!("predicted {} nats of margin", signed_nats(value)),
        Prediction::LogLoss => format!("predicted log-loss {} nats", signed_nats(-value)),
        Prediction::Order => format!("predicted value {value:.3}"),
    });
    let items = match progress {
        Progress::Partial(_) => Some(format!("dropped after {} of {} items", count(trial.items), count(all_items))),
        Progress::Screened | Progress::Untried => Some("not tried".to_owned()),
        Progress::Full => None,
    };
    let mark = winner.then(|| if trial.layer.is_some() { "chosen" } else { "the winner" }.to_owned());
    let parts: Vec<String> = [scores, loss, predicted, items, mark].into_iter().flatten().collect();
    format!("{place}: {}", parts.join("; "))
}

/// The different names, in order of first appearance.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).cloned().collect()
}
