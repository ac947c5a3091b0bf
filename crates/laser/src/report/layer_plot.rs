//! Layer plot: takes the grid of edits, gives a drawing of the best gain at every layer, one line for each matrix.

use serde::Serialize;

use super::drawing::{Label, STYLES, px, tick_step};
use super::grid::{Cell, Grid, Progress};
use crate::results::number_format::points;

/// Space left of the first column, pixels.
const LEFT: f64 = 60.0;
/// Space right of the last column, for half a marker's ring, pixels.
const RIGHT: f64 = 8.0;
/// Space above the plotted area, pixels.
const TOP: f64 = 10.0;
/// Space below the plotted area, for the labels of the layers, pixels.
const BOTTOM: f64 = 40.0;
/// Size of the plotted area, pixels.
const SIZE: [f64; 2] = [660.0, 240.0];
/// Smallest distance between labels of layers, pixels: three digits in the larger type of small screens.
const APART: f64 = 44.0;

/// The drawing; all coordinates in pixels.
#[derive(Debug, Serialize)]
pub(super) struct LayerPlot {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    /// Height of the line of no change.
    zero: f64,
    /// Height of the line of `null_gain`.
    null: f64,
    /// Gain that the best of as many edits without any effect would show, percentage points.
    null_gain: String,
    series: Vec<Series>,
    gain_ticks: Vec<Label>,
    layer_ticks: Vec<Label>,
    layer_title: Label,
}

/// The line of one matrix.
#[derive(Debug, Serialize)]
struct Series {
    matrix: String,
    style: usize,
    /// Points of each piece of the line, as the attribute `points` of an SVG polyline. A piece joins neighbouring layers:
    /// nothing is known of those that were not tried.
    pieces: Vec<String>,
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

/// Draws the best gain of each layer and matrix, of the edits that were scored on all items; `None` if there are none.
/// `null_gain` (a fraction) is the gain that the best of as many edits without any effect would show.
pub(super) fn layer_plot(grid: &Grid, null_gain: f64) -> Option<LayerPlot> {
    let best: Vec<Vec<Option<(&Cell, f64)>>> = (0..grid.matrices.len()).map(|m| best_per_layer(grid, m)).collect();
    let gains: Vec<f64> = best.iter().flatten().flatten().map(|(_, gain)| *gain).collect();
    if gains.is_empty() {
        return None;
    }
    let (low, high) =
        gains.into_iter().chain([null_gain]).fold((0.0_f64, 0.0_f64), |(low, high), g| (low.min(g), high.max(g)));
    // The axis begins and ends at multiples of the step; `low` and `high` count steps from here on.
    let step = tick_step(high - low, 6.0, 0.001);
    let (low, high) = ((low / step).floor() as i32, ((high / step).ceil() as i32).max(1));
    let y = |gain: f64| px(TOP + SIZE[1] * (f64::from(high) - gain / step) / f64::from(high - low));
    let column = SIZE[0] / grid.layers.len() as f64;
    let x = |layer: usize| px(LEFT + column * (layer as f64 + 0.5));
    let series = grid.matrices.iter().zip(&best).enumerate().filter(|(_, (_, best))| best.iter().any(Option::is_some));
    let series = series.map(|(index, (matrix, best))| {
        let marker = |(layer, at): (usize, &Option<(&Cell, f64)>)| {
            at.map(|(cell, gain)| Marker { x: x(layer), y: y(gain), title: cell.title.clone(), winner: cell.winner })
        };
        let markers: Vec<Option<Marker>> = best.iter().enumerate().map(marker).collect();
        let pieces = markers.chunk_by(|a, b| a.is_some() == b.is_some());
        let piece = |piece: &[Option<Marker>]| {
            piece.iter().flatten().map(|m| format!("{},{}", m.x, m.y)).collect::<Vec<_>>().join(" ")
        };
        let pieces = pieces.map(piece).filter(|points| points.contains(' ')).collect();
        Series {
            matrix: matrix.clone(),
            style: index % STYLES,
            pieces,
            markers: markers.into_iter().flatten().collect(),
        }
    });
    let bottom = TOP + SIZE[1];
    Some(LayerPlot {
        width: LEFT + SIZE[0] + RIGHT,
        height: bottom + BOTTOM,
        left: LEFT,
        right: LEFT + SIZE[0],
        zero: y(0.0),
        null: y(null_gain),
        null_gain: points(null_gain),
        series: series.collect(),
        gain_ticks: (low..=high)
            .map(|tick| f64::from(tick) * step)
            .map(|gain| Label { x: LEFT - 6.0, y: y(gain), text: points(gain) })
            .collect(),
        layer_ticks: (grid.layers.iter().step_by(label_step(column)))
            .map(|layer| Label { x: x(*layer), y: bottom + 17.0, text: layer.to_string() })
            .collect(),
        layer_title: Label { x: px(LEFT + SIZE[0] / 2.0), y: bottom + 36.0, text: "layer".to_owned() },
    })
}

/// The trial with the largest gain at each layer, for the matrix at position `matrix` of the grid; of equally good ones
/// the winner is preferred.
fn best_per_layer(grid: &Grid, matrix: usize) -> Vec<Option<(&Cell, f64)>> {
    let mut best: Vec<Option<(&Cell, f64)>> = vec![None; grid.layers.len()];
    for ((_, layer), cell) in grid.of_matrix(matrix).filter(|(_, cell)| cell.progress == Progress::Full) {
        let Some(gain) = cell.gain else { continue };
        let order = |(cell, gain): (&Cell, f64)| (gain, cell.winner);
        if best[layer].is_none_or(|before| order(before) < order((cell, gain))) {
            best[layer] = Some((cell, gain));
        }
    }
    best
}

/// Number of layers from one label to the next, for columns of this width (pixels).
fn label_step(column: f64) -> usize {
    let mut steps = [1, 2, 5, 10, 20].into_iter();
    steps.find(|&step| step as f64 * column >= APART).unwrap_or(50)
}
