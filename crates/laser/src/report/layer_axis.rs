//! Layer axis: takes the layers tried, gives the horizontal measures that all drawings share.

use serde::Serialize;

use super::{Tick, px};

/// Space left of the first column, pixels.
const LEFT: f64 = 60.0;
/// Space right of the last column, pixels: an outline's half, a marker's ring.
const RIGHT: f64 = 4.0;
/// The widest drawing, columns only, pixels.
const PLOT: f64 = 896.0;
/// Least distance between labels, pixels: three digits at the larger size of small screens.
const APART: f64 = 36.0;
/// How far a drawing may shrink before the page scrolls it instead: labels stay readable.
const SHRINK: f64 = 0.62;

/// The horizontal axis of a drawing.
#[derive(Debug, Serialize)]
pub(super) struct LayerAxis {
    /// Where the first column begins, pixels.
    pub(super) left: f64,
    /// Where the last column ends, pixels.
    pub(super) right: f64,
    /// The drawing's width, pixels.
    width: f64,
    /// The least width to show it at, pixels.
    min_width: f64,
    /// A column's width, pixels.
    #[serde(skip)]
    pub(super) column: f64,
    ticks: Vec<Tick>,
    title: Tick,
}

impl LayerAxis {
    /// Lays out one column per layer, labels below `bottom`; columns are at most `widest` pixels.
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
            title: Tick { x: px((LEFT + right) / 2.0), y: bottom + 36.0, text: "layer".to_owned() },
        };
        let step = label_step(column);
        axis.ticks = (layers.iter().enumerate().step_by(step))
            .map(|(index, layer)| Tick { x: axis.centre(index), y: bottom + 17.0, text: layer.to_string() })
            .collect();
        axis
    }

    /// The middle of a column, pixels.
    pub(super) fn centre(&self, index: usize) -> f64 {
        px(LEFT + self.column * (index as f64 + 0.5))
    }
}

/// Every how many layers there is a label, so that labels stand apart.
fn label_step(column: f64) -> usize {
    let mut steps = [1, 2, 5, 10, 20].into_iter();
    steps.find(|&step| step as f64 * column >= APART).unwrap_or(50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_apart_and_inside_for_any_depth() {
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
