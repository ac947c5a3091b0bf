//! Drawing: the parts that the drawings of all pages share.

use serde::Serialize;

/// Number of line styles in the style sheet.
pub const STYLES: usize = 7;

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

/// Distance between labels of an axis: the smallest of 1, 2 and 5 times a power of ten, `least` of them at least, that
/// divides `range` into at most `most` parts.
pub fn tick_step(range: f64, most: f64, least: f64) -> f64 {
    let smallest = (range / most).max(least);
    if !range.is_finite() || smallest <= 0.0 {
        return 1.0;
    }
    let mut step = 10f64.powf(smallest.log10().floor());
    for factor in [1.0, 2.0, 2.5, 2.0] {
        step *= factor;
        // The small factor keeps a range of exactly so many steps, which rounding makes a little larger.
        if smallest <= step * (1.0 + 1e-9) {
            break;
        }
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        for (range, want) in [(0.0, 0.001), (0.006, 0.001), (0.01, 0.002), (0.03, 0.005), (0.31, 0.1), (2.0, 0.5)] {
            let got = tick_step(range, 6.0, 0.001);
            assert!((got / want - 1.0).abs() < 1e-9, "{range}: {got}");
        }
        for (range, want) in [(0.9, 0.2), (1.0, 0.2), (3.0, 1.0), (43.0, 10.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0)] {
            let got = tick_step(range, 5.0, 1e-6);
            assert!((got / want - 1.0).abs() < 1e-9, "{range}: {got}");
        }
    }
}
