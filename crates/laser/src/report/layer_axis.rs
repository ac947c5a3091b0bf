//! Layer axis: takes the layers of the grid, gives the horizontal axis that all drawings share: one column per layer.

use serde::Serialize;

use super::drawing::{Label, px};

/// Space left of the first column, pixels.
const LEFT: f64 = 60.0;
/// Space right of the last column, pixels, for half an outline or a marker's ring.
const RIGHT: f64 = 4.0;
/// Largest width of all columns together, pixels.
const PLOT: f64 = 896.0;
/// Smallest distance between labels, pixels: three digits in the larger type of small screens.
const APART: f64 = 36.0;
/// Smallest scale of a drawing. On narrower screens the page scrolls it, so that labels stay readable.
const SHRINK: f64 = 0.62;

/// The horizontal axis of a drawing; all lengths in pixels.
#[derive(Debug, Serialize)]
pub(super) struct LayerAxis {
    /// Left edge of the first column.
    pub(super) left: f64,
    /// Right edge of the last column.
    pub(super) right: f64,
    /// Width of the drawing.
    width: f64,
    /// Smallest width at which the page shows the drawing.
    min_width: f64,
    /// Width of a column.
    #[serde(skip)]
    pub(super) column: f64,
    /// Labels of the layers.
    ticks: Vec<Label>,
    title: Label,
}

impl LayerAxis {
    /// Places one column per layer, at most `widest` pixels wide, and the labels below `bottom` (pixels).
    pub(super) fn new(layers: &[usize], widest: f64, bottom: f64) -> Self {
        let count = layers.len() as f64;
        let column = (PLOT / count.max(1.0)).clamp(11.0, widest).floor();
        let right = LEFT + column * count;
        let width = right + RIGHT;
        let mut axis = Self {
            left: LEFT,
            right,
            width,
            min_width: px(SHRINK * width),
            column,
            ticks: Vec::new(),
            title: Label { x: px((LEFT + right) / 2.0), y: bottom + 36.0, text: "layer".to_owned() },
        };
        let step = label_step(column);
        axis.ticks = (layers.iter().enumerate().step_by(step))
            .map(|(index, layer)| Label { x: axis.centre(index), y: bottom + 17.0, text: layer.to_string() })
            .collect();
        axis
    }

    /// The middle of the column at position `index`, pixels.
    pub(super) fn centre(&self, index: usize) -> f64 {
        px(LEFT + self.column * (index as f64 + 0.5))
    }
}

/// Number of layers from one label to the next, for columns of this width (pixels).
fn label_step(column: f64) -> usize {
    let mut steps = [1, 2, 5, 10, 20].into_iter();
    steps.find(|&step| step as f64 * column >= APART).unwrap_or(50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_apart_and_inside_for_any_number_of_layers() {
        for count in 1..200 {
            let layers: Vec<usize> = (0..count).collect();
            let axis = LayerAxis::new(&layers, 44.0, 100.0);
            let near = axis.ticks.windows(2).any(|pair| pair[1].x - pair[0].x < APART);
            assert!(!near, "{count} layers");
            assert!(axis.ticks.iter().all(|tick| tick.x > axis.left && tick.x < axis.right));
            assert_eq!(axis.ticks[0].text, "0");
        }
    }
}
