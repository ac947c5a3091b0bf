//! Layer plot: takes the grid of trials, gives a drawing of the best gain at every layer, one line per matrix.

use serde::Serialize;

use super::drawing::{Label, px};
use super::grid::{Cell, Grid};
use super::layer_axis::LayerAxis;
use crate::results::number_format::points;

/// Space above the plotted area, pixels.
const TOP: f64 = 10.0;
/// Space below the plotted area, for the labels of the layers, pixels.
const BOTTOM: f64 = 40.0;
/// Height of the plotted area, pixels.
const HEIGHT: f64 = 220.0;
/// Number of line styles in the style sheet.
const STYLES: usize = 7;

/// The drawing; all coordinates in pixels.
#[derive(Debug, Serialize)]
pub(super) struct LayerPlot {
    height: f64,
    /// Height of the line of no change.
    zero: f64,
    /// Height of the line of `null_gain`.
    null: f64,
    /// Gain that the best of as many edits without any effect would show, percentage points.
    null_gain: String,
    series: Vec<Series>,
    /// Labels of the vertical axis.
    gain_ticks: Vec<Label>,
    axis: LayerAxis,
}

/// The line of one matrix.
#[derive(Debug, Serialize)]
struct Series {
    matrix: String,
    style: usize,
    /// Points of the line, as the attribute `points` of an SVG polyline.
    line: String,
    markers: Vec<Marker>,
}

/// The marker of the best trial of one layer.
#[derive(Debug, Serialize)]
struct Marker {
    x: f64,
    y: f64,
    title: String,
    winner: bool,
}

/// Draws the best gain of each layer and matrix; `None` without trials. `null_gain` (a fraction) is the gain that the
/// best of as many edits without any effect would show.
pub(super) fn layer_plot(grid: &Grid, null_gain: f64) -> Option<LayerPlot> {
    if grid.cells.is_empty() {
        return None;
    }
    let best: Vec<Vec<Option<&Cell>>> = (0..grid.matrices.len()).map(|m| best_per_layer(grid, m)).collect();
    let gains = best.iter().flatten().flatten().map(|cell| cell.gain);
    let (low, high) =
        gains.chain([null_gain]).fold((0.0_f64, 0.0_f64), |(low, high), gain| (low.min(gain), high.max(gain)));
    // The axis begins and ends at multiples of the step; `low` and `high` count steps from here on.
    let step = tick_step(high - low);
    let (low, high) = ((low / step).floor() as i32, ((high / step).ceil() as i32).max(1));
    // With few layers, wider columns than those of the heat maps leave room for a line.
    let widest = (240.0 / grid.layers.len() as f64).max(44.0);
    let axis = LayerAxis::new(&grid.layers, widest, TOP + HEIGHT);
    let y = |gain: f64| px(TOP + HEIGHT * (f64::from(high) - gain / step) / f64::from(high - low));
    let series = grid
        .matrices
        .iter()
        .zip(&best)
        .enumerate()
        .map(|(index, (matrix, best))| {
            let markers: Vec<Marker> = best
                .iter()
                .enumerate()
                .filter_map(|(layer, cell)| cell.map(|cell| (layer, cell)))
                .map(|(layer, cell)| Marker {
                    x: axis.centre(layer),
                    y: y(cell.gain),
                    title: cell.title.clone(),
                    winner: cell.winner,
                })
                .collect();
            let line: Vec<String> = markers.iter().map(|m| format!("{},{}", m.x, m.y)).collect();
            Series { matrix: matrix.clone(), style: index % STYLES, line: line.join(" "), markers }
        })
        .collect();
    Some(LayerPlot {
        height: TOP + HEIGHT + BOTTOM,
        zero: y(0.0),
        null: y(null_gain),
        null_gain: points(null_gain),
        series,
        gain_ticks: (low..=high)
            .map(|tick| f64::from(tick) * step)
            .map(|gain| Label { x: axis.left - 6.0, y: y(gain), text: points(gain) })
            .collect(),
        axis,
    })
}

/// The trial with the largest gain at each layer, for the matrix at position `matrix` of the grid; of equally good ones
/// the winner is preferred.
fn best_per_layer(grid: &Grid, matrix: usize) -> Vec<Option<&Cell>> {
    let mut best: Vec<Option<&Cell>> = vec![None; grid.layers.len()];
    for (&(_, _, layer), cell) in grid.cells.range((matrix, 0, 0)..(matrix + 1, 0, 0)) {
        let order = |cell: &Cell| (cell.gain, cell.winner);
        if best[layer].is_none_or(|before| order(before) < order(cell)) {
            best[layer] = Some(cell);
        }
    }
    best
}

/// Distance between labels of the vertical axis, a fraction: the smallest of 0.001, 0.002, 0.005, 0.01, … that divides
/// `range` (a fraction) into at most six parts.
fn tick_step(range: f64) -> f64 {
    let mut step = 0.001;
    // From 1 to 2, from 2 to 5, from 5 to 10, and again.
    for factor in [2.0, 2.5, 2.0].into_iter().cycle() {
        if range <= 6.0 * step {
            break;
        }
        step *= factor;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_at_most_six() {
        for (range, want) in [(0.0, 0.001), (0.006, 0.001), (0.01, 0.002), (0.03, 0.005), (0.31, 0.1), (2.0, 0.5)] {
            assert!((tick_step(range) - want).abs() < 1e-12, "{range}: {}", tick_step(range));
        }
    }
}
