//! Heat maps: takes the grid of trials, gives one drawing per matrix (x layer, y ρ, colour gain).

use serde::Serialize;

use super::layer_axis::LayerAxis;
use super::trials::Grid;
use super::{Tick, px, scale};

/// Space for half the winner's outline, pixels.
const TOP: f64 = 2.0;
/// Space for the layer labels, pixels.
const BOTTOM: f64 = 40.0;
/// Height of a row, pixels.
const ROW: f64 = 22.0;
/// The widest column, pixels: a model of few layers is not blown up.
const WIDEST: f64 = 44.0;

/// One matrix' drawing.
#[derive(Debug, Serialize)]
pub(super) struct Panel {
    matrix: String,
    height: f64,
    rects: Vec<Rect>,
    rho_ticks: Vec<Tick>,
    rho_title: Tick,
    axis: LayerAxis,
}

/// One trial's rectangle.
#[derive(Debug, Serialize)]
struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    class: String,
    title: String,
    winner: bool,
}

/// Draws the grid, one panel per matrix.
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
                .map(|(row, rho)| Tick {
                    x: axis.left - 6.0,
                    y: px(TOP + ROW * (f64::from(row) + 0.5) + 4.0),
                    text: rho.clone(),
                })
                .collect(),
            rho_title: Tick { x: axis.left - 6.0, y: bottom + 17.0, text: "keep".to_owned() },
            axis,
        }
    };
    grid.matrices.iter().enumerate().map(panel).collect()
}

/// The rectangles of one matrix, the winner last so that its outline lies on top.
fn rects(grid: &Grid, matrix: usize, axis: &LayerAxis) -> Vec<Rect> {
    let mut rects: Vec<Rect> = grid
        .cells
        .range((matrix, 0, 0)..(matrix + 1, 0, 0))
        .map(|(&(_, rho, layer), cell)| Rect {
            x: px(axis.left + axis.column * layer as f64 + 0.5),
            y: px(TOP + ROW * rho as f64 + 0.5),
            width: axis.column - 1.0,
            height: ROW - 1.0,
            class: scale::class(cell.gain),
            title: cell.title.clone(),
            winner: cell.winner,
        })
        .collect();
    rects.sort_by_key(|rect| rect.winner);
    rects
}
