//! A drawing of shares that add up to one: horizontal bars, each divided into the same parts.

use serde::Serialize;

use crate::report::drawing::{Label, STYLES, px};

/// Space left of the bars, for their names, pixels.
const LEFT: f64 = 130.0;
/// Length of a bar, pixels.
const WIDTH: f64 = 420.0;
/// Height of a bar with the gap below it, pixels.
const PITCH: f64 = 26.0;
/// Gap between bars, pixels.
const GAP: f64 = 6.0;

/// What to draw.
#[derive(Debug, Clone)]
pub struct StackData {
    /// Caption.
    pub caption: String,
    /// Names of the parts.
    pub parts: Vec<String>,
    /// The bars: name, and the share of each part, 0..=1.
    pub bars: Vec<(String, Vec<f64>)>,
}

/// The drawing; all coordinates in pixels.
#[derive(Debug, Clone, Serialize)]
pub struct StackedBars {
    caption: String,
    width: f64,
    height: f64,
    /// Names of the parts with their styles.
    keys: Vec<(usize, String)>,
    names: Vec<Label>,
    rects: Vec<Rect>,
}

/// A part of a bar.
#[derive(Debug, Clone, Serialize)]
struct Rect {
    style: usize,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    title: String,
}

impl StackedBars {
    /// Computes the drawing.
    pub fn new(data: &StackData) -> Self {
        let mut rects = Vec::new();
        for (i, (name, shares)) in data.bars.iter().enumerate() {
            let mut x = LEFT;
            for (part, share) in shares.iter().enumerate() {
                let width = WIDTH * share;
                rects.push(Rect {
                    style: part % STYLES,
                    x: px(x),
                    y: px(PITCH * i as f64),
                    width: px(width),
                    height: PITCH - GAP,
                    title: format!("{name}, {}: {:.1} %", data.parts[part], 100.0 * share),
                });
                x += width;
            }
        }
        let name = |(i, (name, _)): (usize, &(String, Vec<f64>))| Label {
            x: LEFT - 8.0,
            y: px(PITCH * i as f64 + (PITCH - GAP) / 2.0 + 4.0),
            text: name.clone(),
        };
        Self {
            caption: data.caption.clone(),
            width: LEFT + WIDTH + 4.0,
            height: PITCH * data.bars.len() as f64,
            keys: data.parts.iter().enumerate().map(|(i, part)| (i % STYLES, part.clone())).collect(),
            names: data.bars.iter().enumerate().map(name).collect(),
            rects,
        }
    }
}
