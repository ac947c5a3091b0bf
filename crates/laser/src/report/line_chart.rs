//! Line chart: takes values at a few labelled positions, gives the coordinates of a drawing with one line a series.

use serde::Serialize;

use super::drawing::{Label, STYLES, px, tick_step};

/// Space left of the plotted area, for labels, pixels.
const LEFT: f64 = 60.0;
/// Space right of it, pixels.
const RIGHT: f64 = 12.0;
/// Space above it, pixels.
const TOP: f64 = 10.0;
/// Space below it, for labels and the title of the axis, pixels.
const BOTTOM: f64 = 44.0;
/// Size of the plotted area, pixels.
const SIZE: [f64; 2] = [420.0, 200.0];
/// Largest number of steps of the vertical axis.
const STEPS: f64 = 5.0;

/// A series of values, one at each position.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) values: Vec<f64>,
    /// Whether it is what chance gives, drawn dashed in the colour of the series before it.
    pub(super) is_chance: bool,
}

/// The drawing; all coordinates in pixels.
#[derive(Debug, Serialize)]
pub(super) struct LineChart {
    title: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    lines: Vec<DrawnLine>,
    positions: Vec<Label>,
    axis: Label,
    ticks: Vec<Label>,
}

#[derive(Debug, Serialize)]
struct DrawnLine {
    name: String,
    style: usize,
    is_chance: bool,
    /// The attribute `points` of an SVG polyline.
    points: String,
    markers: Vec<Marker>,
}

#[derive(Debug, Serialize)]
struct Marker {
    x: f64,
    y: f64,
    title: String,
}

impl LineChart {
    /// Draws `lines` over the positions `labels`; `format` writes a value. The vertical axis includes 0.
    pub(super) fn new(title: &str, axis: &str, labels: &[String], lines: &[Line], format: fn(f64) -> String) -> Self {
        let values = lines.iter().flat_map(|line| line.values.iter().copied()).filter(|value| value.is_finite());
        let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let step = tick_step(high - low, STEPS, 1e-6);
        let (low, high) = ((low / step).floor() as i32, ((high / step).ceil() as i32).max(1));
        let y = |value: f64| px(TOP + SIZE[1] * (f64::from(high) - value / step) / f64::from(high - low));
        let x = |i: usize| px(LEFT + SIZE[0] * (i as f64 + 0.5) / labels.len().max(1) as f64);
        let mut style = 0;
        let mut drawn = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            // A dashed line has the colour of the measured one before it.
            style += usize::from(index > 0 && !line.is_chance);
            let points = line.values.iter().enumerate().filter(|(_, value)| value.is_finite());
            let markers: Vec<Marker> = points
                .map(|(i, value)| {
                    let title = format!("{}, {axis} {}: {}", line.name, labels[i], format(*value));
                    Marker { x: x(i), y: y(*value), title }
                })
                .collect();
            let points: Vec<String> = markers.iter().map(|m| format!("{},{}", m.x, m.y)).collect();
            drawn.push(DrawnLine {
                name: line.name.clone(),
                style: style % STYLES,
                is_chance: line.is_chance,
                points: points.join(" "),
                markers,
            });
        }
        let bottom = TOP + SIZE[1];
        let positions = labels.iter().enumerate();
        Self {
            title: title.to_owned(),
            width: LEFT + SIZE[0] + RIGHT,
            height: bottom + BOTTOM,
            left: LEFT,
            right: LEFT + SIZE[0],
            lines: drawn,
            positions: positions.map(|(i, text)| Label { x: x(i), y: bottom + 17.0, text: text.clone() }).collect(),
            axis: Label { x: px(LEFT + SIZE[0] / 2.0), y: bottom + 36.0, text: axis.to_owned() },
            ticks: (low..=high)
                .map(|tick| f64::from(tick) * step)
                .map(|value| Label { x: LEFT - 6.0, y: y(value), text: format(value) })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_inside_and_chance_has_the_colour_of_its_series() {
        let line = |name: &str, values: &[f64], is_chance| Line { name: name.into(), values: values.into(), is_chance };
        let lines =
            [line("a", &[0.1, 0.9], false), line("chance", &[0.2, f64::NAN], true), line("b", &[-0.3, 0.0], false)];
        let chart = LineChart::new("t", "x", &["1".into(), "2".into()], &lines, |value| format!("{value:.1}"));
        assert_eq!(chart.lines.iter().map(|line| line.style).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!(chart.lines[1].markers.len(), 1, "what is not a number is not drawn");
        let inside = |m: &Marker| (chart.left..=chart.right).contains(&m.x) && (TOP..=TOP + SIZE[1]).contains(&m.y);
        assert!(chart.lines.iter().flat_map(|line| &line.markers).all(inside));
    }
}
