//! Heat maps: takes the grid of edits, gives one table of coloured cells for each matrix. Rows are layers, columns are
//! reductions.

use serde::Serialize;

use super::colour_scale::{self, Swatch};
use super::grid::{Cell, Grid, Progress};
use crate::search::Prediction;

/// All heat maps, and the views that a reader can choose.
#[derive(Debug, Serialize)]
pub(super) struct HeatMaps {
    panels: Vec<Panel>,
    /// Names of the columns: what is kept.
    reductions: Vec<String>,
    views: Vec<View>,
    /// True if there are cells of this progress.
    has_partial: bool,
    has_screened: bool,
    has_untried: bool,
}

/// A number by which the cells are coloured.
#[derive(Debug, Serialize)]
struct View {
    /// Style class of the view.
    name: &'static str,
    title: &'static str,
    /// Unit and meaning of the colours, a sentence.
    meaning: &'static str,
    legend: Vec<Swatch>,
}

/// The heat map of one matrix.
#[derive(Debug, Serialize)]
struct Panel {
    matrix: String,
    rows: Vec<Row>,
}

/// One layer.
#[derive(Debug, Serialize)]
struct Row {
    layer: usize,
    /// One cell for each reduction; `None` where the search could not try it.
    cells: Vec<Option<DrawnCell>>,
}

#[derive(Debug, Serialize)]
struct DrawnCell {
    /// Style classes: the progress, and the colour in each view.
    class: String,
    /// Share of the items, per cent, of a partial trial.
    share: Option<u32>,
    title: String,
    /// True for the first cell that the keyboard reaches.
    first: bool,
}

/// Draws one heat map for each matrix; `None` without cells.
pub(super) fn heat_maps(grid: &Grid) -> Option<HeatMaps> {
    let has = |is: fn(&Progress) -> bool| grid.cells.values().any(|cell| is(&cell.progress));
    let panel = |(index, matrix): (usize, &String)| Panel { matrix: matrix.clone(), rows: rows(grid, index) };
    (!grid.cells.is_empty()).then(|| HeatMaps {
        panels: grid.matrices.iter().enumerate().map(panel).collect(),
        reductions: grid.reductions.clone(),
        views: views(grid),
        has_partial: has(|progress| matches!(progress, Progress::Partial(_))),
        has_screened: has(|progress| *progress == Progress::Screened),
        has_untried: has(|progress| *progress == Progress::Untried),
    })
}

/// The views of which at least one cell has the number.
fn views(grid: &Grid) -> Vec<View> {
    let any = |of: fn(&Cell) -> Option<f64>| grid.cells.values().any(|cell| of(cell).is_some());
    let accuracy = any(|cell| cell.gain).then(|| View {
        name: "accuracy",
        title: "accuracy",
        meaning: "Change in accuracy against the unedited model on the same items of the search split, percentage points.",
        legend: colour_scale::points_legend(),
    });
    let loss = any(|cell| cell.loss_fall).then(|| View {
        name: "loss",
        title: "log-loss",
        meaning: "Fall of the log-loss against the unedited model on the same items of the search split, nats an item.",
        legend: colour_scale::nats_legend(),
    });
    let (meaning, legend) = match grid.predicts {
        Prediction::Accuracy => {
            ("Change in accuracy that the screen predicted, percentage points.", colour_scale::points_legend())
        }
        Prediction::Margin => {
            ("Rise of the margin that the screen predicted, nats an item.", colour_scale::nats_legend())
        }
        Prediction::LogLoss => {
            ("Fall of the log-loss that the screen predicted, nats an item.", colour_scale::nats_legend())
        }
        Prediction::Order => ("Place among all predictions of the screen.", colour_scale::order_legend()),
    };
    let screen = any(|cell| cell.prediction).then_some(View {
        name: "screen",
        title: "prediction of the screen",
        meaning,
        legend,
    });
    [accuracy, loss, screen].into_iter().flatten().collect()
}

fn rows(grid: &Grid, matrix: usize) -> Vec<Row> {
    let none = || (0..grid.reductions.len()).map(|_| None).collect();
    let mut rows: Vec<Row> = grid.layers.iter().map(|layer| Row { layer: *layer, cells: none() }).collect();
    // The keyboard begins at a reduction of the winner, else at the first cell.
    let start = grid.of_matrix(matrix).find(|(_, cell)| cell.winner).or_else(|| grid.of_matrix(matrix).next());
    let start = start.map(|(place, _)| place);
    for ((reduction, layer), cell) in grid.of_matrix(matrix) {
        let drawn = drawn(grid, cell, Some((reduction, layer)) == start);
        if let Some(row) = rows.get_mut(layer) {
            row.cells[reduction] = Some(drawn);
        }
    }
    rows
}

fn drawn(grid: &Grid, cell: &Cell, first: bool) -> DrawnCell {
    let predicted = cell.prediction.map(|value| match grid.predicts {
        Prediction::Accuracy => colour_scale::of_points(value),
        Prediction::Margin | Prediction::LogLoss => colour_scale::of_nats(value),
        Prediction::Order => colour_scale::of_order(value, &grid.ascending),
    });
    // Where only a prediction is known, it stands for the number that it predicts, hatched.
    let instead = |unit: Prediction| predicted.clone().filter(|_| grid.predicts == unit);
    let accuracy = cell.gain.map(colour_scale::of_points).or_else(|| instead(Prediction::Accuracy));
    let loss = cell.loss_fall.map(colour_scale::of_nats).or_else(|| instead(Prediction::LogLoss));
    let (progress, share) = match cell.progress {
        Progress::Untried => ("untried", None),
        Progress::Screened => ("screened", None),
        Progress::Partial(share) => ("partial", Some((100.0 * share).round().clamp(15.0, 85.0) as u32)),
        Progress::Full => ("full", None),
    };
    let class = |prefix: &str, class: Option<String>| class.map(|class| format!(" {prefix}{class}"));
    let colours = [class("a", accuracy), class("l", loss), class("s", predicted)];
    let winner = cell.winner.then(|| " win".to_owned());
    let classes: String = colours.into_iter().chain([winner]).flatten().collect();
    DrawnCell { class: format!("{progress}{classes}"), share, title: cell.title.clone(), first }
}
