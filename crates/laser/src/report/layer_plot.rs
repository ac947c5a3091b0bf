//! Layer plot: takes the grid of trials, gives the best gain over ρ at every layer, one line per matrix.

use serde::Serialize;

use super::layer_axis::LayerAxis;
use super::trials::{Cell, Grid};
use super::{Tick, px};
use crate::results::figures::points;

/// Space above and below the plotted area, pixels.
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;
/// Height of the plotted area, pixels.
const HEIGHT: f64 = 220.0;
/// Line styles the style sheet knows.
const STYLES: usize = 7;

/// The drawing.
#[derive(Debug, Serialize)]
pub(super) struct LayerPlot {
    height: f64,
    /// Where no change lies.
    zero: f64,
    /// Where the gain lies that the best of as many null edits would show.
    null: f64,
    null_gain: String,
    series: Vec<Series>,
    gain_ticks: Vec<Tick>,
    axis: LayerAxis,
}

/// One matrix' line.
#[derive(Debug, Serialize)]
struct Series {
    matrix: String,
    style: usize,
    line: String,
    markers: Vec<Marker>,
}

/// One layer's best trial.
#[derive(Debug, Serialize)]
struct Marker {
    x: f64,
    y: f64,
    title: String,
    winner: bool,
}

/// Draws the best gain per layer and matrix; `None` without trials.
pub(super) fn layer_plot(grid: &Grid, null_gain: f64) -> Option<LayerPlot> {
    if grid.cells.is_empty() {
        return None;
    }
    let best: Vec<Vec<Option<&Cell>>> = (0..grid.matrices.len()).map(|m| best_per_layer(grid, m)).collect();
    let gains = best.iter().flatten().flatten().map(|cell| cell.gain);
    let (low, high) =
        gains.chain([null_gain]).fold((0.0_f64, 0.0_f64), |(low, high), gain| (low.min(gain), high.max(gain)));
    let step = tick_step(high - low);
    let (low, high) = ((low / step).floor() as i32, ((high / step).ceil() as i32).max(1));
    // A plot of few layers still needs room for a line.
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
            .map(|gain| Tick { x: axis.left - 6.0, y: y(gain), text: points(gain) })
            .collect(),
        axis,
    })
}

/// The cell of the largest gain at every layer of one matrix; the winner where it is among equals.
fn best_per_layer(grid: &Grid, matrix: usize) -> Vec<Option<&Cell>> {
    let mut best: Vec<Option<&Cell>> = vec![None; grid.layers.len()];
    for (&(_, _, layer), cell) in grid.cells.range((matrix, 0, 0)..(matrix + 1, 0, 0)) {
        let rank = |cell: &Cell| (cell.gain, cell.winner);
        if best[layer].is_none_or(|before| rank(before) < rank(cell)) {
            best[layer] = Some(cell);
        }
    }
    best
}

/// A step of 1, 2 or 5 times a power of ten (in points, at least 0.1) that cuts `range` (a
/// fraction) into at most six.
fn tick_step(range: f64) -> f64 {
    let mut step = 0.001;
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
    fn steps_are_round_and_few() {
        for (range, want) in [(0.0, 0.001), (0.006, 0.001), (0.01, 0.002), (0.03, 0.005), (0.31, 0.1), (2.0, 0.5)] {
            assert!((tick_step(range) - want).abs() < 1e-12, "{range}: {}", tick_step(range));
        }
    }
}
