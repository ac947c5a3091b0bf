//! Heat maps: takes the grid of trials, gives one drawing per matrix (x layer, y ρ, colour gain).

use serde::Serialize;

use super::trials::Grid;
use super::{Tick, px, scale};

/// Space for the ρ labels, pixels.
const LEFT: f64 = 48.0;
/// Space for the layer labels, pixels.
const BOTTOM: f64 = 40.0;
/// Height of a row, pixels.
const ROW: f64 = 22.0;

/// One matrix' drawing.
#[derive(Debug, Serialize)]
pub(super) struct Panel {
    matrix: String,
    width: f64,
    height: f64,
    /// Below this width cells are too small to hit; the page scrolls the drawing instead.
    min_width: f64,
    rects: Vec<Rect>,
    layer_ticks: Vec<Tick>,
    rho_ticks: Vec<Tick>,
    axis: Tick,
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

/// The width of one layer's column, pixels: what fits the page, within what can be read.
pub(super) fn column(layers: usize) -> f64 {
    (900.0 / layers.max(1) as f64).clamp(11.0, 44.0).floor()
}

/// Which layers get a label: every 1st, 2nd, 5th, … so that labels stand apart.
pub(super) fn label_step(column: f64) -> usize {
    let mut steps = [1, 2, 5, 10, 20].into_iter();
    steps
        .find(|&step| step as f64 * column >= 24.0)
        .unwrap_or(50)
}

/// Draws the grid, one panel per matrix.
pub(super) fn panels(grid: &Grid) -> Vec<Panel> {
    let column = column(grid.layers.len());
    let (plot_width, plot_height) = (
        column * grid.layers.len() as f64,
        ROW * grid.rhos.len() as f64,
    );
    let step = label_step(column);
    let layer_ticks: Vec<Tick> = grid
        .layers
        .iter()
        .enumerate()
        .filter(|(_, layer)| layer.is_multiple_of(step))
        .map(|(i, layer)| Tick {
            x: px(LEFT + column * (i as f64 + 0.5)),
            y: plot_height + 15.0,
            text: layer.to_string(),
        })
        .collect();
    let rho_ticks: Vec<Tick> = grid
        .rhos
        .iter()
        .enumerate()
        .map(|(i, rho)| Tick {
            x: LEFT - 6.0,
            y: px(ROW * (i as f64 + 0.5) + 4.0),
            text: rho.clone(),
        })
        .collect();
    let panel = |(index, matrix): (usize, &String)| Panel {
        matrix: matrix.clone(),
        width: LEFT + plot_width + 2.0,
        height: plot_height + BOTTOM,
        min_width: px(LEFT + 12.0 * grid.layers.len() as f64),
        rects: rects(grid, index, column),
        layer_ticks: layer_ticks.clone(),
        rho_ticks: rho_ticks.clone(),
        axis: Tick {
            x: px(LEFT + plot_width / 2.0),
            y: plot_height + 34.0,
            text: "layer".to_owned(),
        },
    };
    grid.matrices.iter().enumerate().map(panel).collect()
}

/// The rectangles of one matrix, the winner last so that its outline lies on top.
fn rects(grid: &Grid, matrix: usize, column: f64) -> Vec<Rect> {
    let mut rects: Vec<Rect> = grid
        .cells
        .range((matrix, 0, 0)..(matrix + 1, 0, 0))
        .map(|(&(_, rho, layer), cell)| Rect {
            x: px(LEFT + column * layer as f64 + 0.5),
            y: px(ROW * rho as f64 + 0.5),
            width: column - 1.0,
            height: ROW - 1.0,
            class: scale::class(cell.gain),
            title: cell.title.clone(),
            winner: cell.winner,
        })
        .collect();
    rects.sort_by_key(|rect| rect.winner);
    rects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_apart_for_any_depth() {
        for layers in 1..200 {
            let column = column(layers);
            assert!(
                label_step(column) as f64 * column >= 24.0,
                "{layers} layers"
            );
        }
    }
}
