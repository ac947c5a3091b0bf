//! The parts that all drawings share.

use serde::Serialize;

/// A text in a drawing, at pixel coordinates from the upper left corner.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Label {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) text: String,
}

/// Rounds a coordinate to tenths of a pixel, which keeps the page small.
pub(super) fn px(x: f64) -> f64 {
    (10.0 * x).round() / 10.0
}
