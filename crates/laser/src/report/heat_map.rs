//! Heat maps: takes the grid of trials, gives one drawing per matrix. Columns are layers, rows are reductions, and the
//! colour is the gain.

use serde::Serialize;

use super::colour_scale;
use super::drawing::{Label, px};
use super::grid::Grid;
use super::layer_axis::LayerAxis;

/// Space above the first row, for half the width of the winner's outline, pixels.
const TOP: f64 = 2.0;
/// Space below the last row, for the labels of the layers, pixels.
const BOTTOM: f64 = 40.0;
/// Height of a row, pixels.
const ROW: f64 = 22.0;
/// Largest width of a column, pixels, so that the drawing of a model with few layers is not blown up.
const WIDEST: f64 = 44.0;

/// The heat map of one matrix.
#[derive(Debug, Serialize)]
pub(super) struct Panel {
    matrix: String,
    height: f64,
    rects: Vec<Rect>,
    /// Labels of the rows.
    rho_ticks: Vec<Label>,
    rho_title: Label,
    axis: LayerAxis,
}

/// The rectangle of one trial, pixels.
#[derive(Debug, Serialize)]
struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// Style class of the colour.
    class: String,
    /// Tooltip.
    title: String,
    winner: bool,
}

/// Draws one heat map per matrix.
pub(super) fn panels(grid: &Grid) -> Vec<Panel> {
    let bottom = TOP + ROW * grid.reductions.len() as f64;
    let panel = |(index, matrix): (usize, &String)| {
        let axis = LayerAxis::new(&grid.layers, WIDEST, bottom);
        Panel {
            matrix: matrix.clone(),
            height: bottom + BOTTOM,
            rects: rects(grid, index, &axis),
            rho_ticks: (0..)
                .zip(&grid.reductions)
                .map(|(row, rho)| Label {
                    x: axis.left - 6.0,
                    y: px(TOP + ROW * (f64::from(row) + 0.5) + 4.0),
                    text: rho.clone(),
                })
                .collect(),
            rho_title: Label { x: axis.left - 6.0, y: bottom + 17.0, text: "keep".to_owned() },
            axis,
        }
    };
    grid.matrices.iter().enumerate().map(panel).collect()
}

/// The rectangles of the matrix at position `matrix` of the grid. The winner is last, so that its outline is drawn over
/// its neighbours.
fn rects(grid: &Grid, matrix: usize, axis: &LayerAxis) -> Vec<Rect> {
    let mut rects: Vec<Rect> = grid
        .cells
        .range((matrix, 0, 0)..(matrix + 1, 0, 0))
        .map(|(&(_, rho, layer), cell)| Rect {
            x: px(axis.left + axis.column * layer as f64 + 0.5),
            y: px(TOP + ROW * rho as f64 + 0.5),
            width: axis.column - 1.0,
            height: ROW - 1.0,
            class: colour_scale::class(cell.gain),
            title: cell.title.clone(),
            winner: cell.winner,
        })
        .collect();
    rects.sort_by_key(|rect| rect.winner);
    rects
}
