//! Drawing: the parts that the drawings of all pages share.

use serde::Serialize;

/// A text in a drawing, at pixel coordinates from the upper left corner.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// Anchor of the text (its left end, middle or right end, as the style class says), pixels.
    pub x: f64,
    /// Baseline of the text, pixels.
    pub y: f64,
    /// The text.
    pub text: String,
}

/// Rounds a coordinate to tenths of a pixel, which keeps the page small.
pub fn px(x: f64) -> f64 {
    (10.0 * x).round() / 10.0
}
