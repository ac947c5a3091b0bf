//! A drawing of lines over a common axis of labelled places.

use serde::Serialize;

use crate::report::drawing::{Label, STYLES, px, tick_step};

/// Space left of the plotted area, for the labels of the vertical axis, pixels.
const LEFT: f64 = 56.0;
/// Least width of the plotted area, pixels.
const WIDTH: f64 = 480.0;
/// Least width of a place, so that labels of five characters do not touch, pixels.
const PLACE: f64 = 36.0;
/// Space above it, pixels.
const TOP: f64 = 12.0;
/// Height of the plotted area, pixels.
const HEIGHT: f64 = 220.0;
/// Space below it, for labels and the title of the axis, pixels.
const BOTTOM: f64 = 42.0;

/// A line with a value at some of the places.
#[derive(Debug, Clone)]
pub struct Series {
    name: String,
    values: Vec<Option<f64>>,
    band: Vec<Option<[f64; 2]>>,
}

impl Series {
    /// A line through values, one for each place of the axis; `None` where there is none.
    pub fn new(name: &str, values: Vec<Option<f64>>) -> Self {
        Self { name: name.to_owned(), band: vec![None; values.len()], values }
    }

    /// The line with an interval at each place.
    #[must_use]
    pub fn with_band(self, band: Vec<Option<[f64; 2]>>) -> Self {
        Self { band, ..self }
    }
}

/// What to draw.
#[derive(Debug, Clone)]
pub struct PlotData {
    /// Caption.
    pub caption: String,
    /// Title of the horizontal axis.
    pub x_title: String,
    /// Labels of its places.
    pub x_labels: Vec<String>,
    /// Unit after the numbers of the vertical axis; may be empty.
    pub y_unit: String,
    /// The lines.
    pub series: Vec<Series>,
}

/// The drawing; all coordinates in pixels.
#[derive(Debug, Clone, Serialize)]
pub struct LinePlot {
    caption: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    /// Height of the line of zero, if zero is in the range.
    zero: Option<f64>,
    x_ticks: Vec<Label>,
    x_title: Label,
    y_ticks: Vec<Label>,
    lines: Vec<Line>,
}

/// A line as drawn.
#[derive(Debug, Clone, Serialize)]
struct Line {
    name: String,
    style: usize,
    /// Points of the line, as the attribute `points` of an SVG polyline.
    points: String,
    /// Points of the outline of the band; empty without one.
    band: String,
    dots: Vec<Label>,
}

impl LinePlot {
    /// Computes the drawing.
    pub fn new(data: &PlotData) -> Self {
        let values = data.series.iter().flat_map(|s| {
            let ends = s.band.iter().flatten().flat_map(|[low, high]| [*low, *high]);
            s.values.iter().flatten().copied().chain(ends)
        });
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let step = if high > low { tick_step(high - low, 6.0, 0.0) } else { 0.1 };
        let (first, last) =
            ((low / step).floor() as i64, ((high / step).ceil() as i64).max((low / step).floor() as i64 + 1));
        let range = (last - first) as f64 * step;
        let y = |value: f64| px(TOP + HEIGHT * (last as f64 * step - value) / range);
        let n = data.x_labels.len().max(1) as f64;
        // Axes of layers leave most labels empty, and need no room for them.
        let labelled = data.x_labels.iter().filter(|label| !label.is_empty()).count() as f64;
        let width = WIDTH.max(PLACE * labelled);
        let x = |place: usize| px(LEFT + width * (place as f64 + 0.5) / n);
        let decimals = (-step.log10()).ceil().clamp(0.0, 6.0) as usize;
        let number = |tick: i64| format!("{:.decimals$}{}", tick as f64 * step, data.y_unit).replace('-', "−");
        let label = |x: f64, y: f64, text: String| Label { x: px(x), y: px(y), text };
        Self {
            caption: data.caption.clone(),
            width: LEFT + width + 12.0,
            height: TOP + HEIGHT + BOTTOM,
            left: LEFT,
            right: LEFT + width,
            zero: (first <= 0 && last >= 0).then(|| y(0.0)),
            x_ticks: (0..data.x_labels.len())
                .map(|i| label(x(i), TOP + HEIGHT + 16.0, data.x_labels[i].clone()))
                .collect(),
            x_title: label(LEFT + width / 2.0, TOP + HEIGHT + 34.0, data.x_title.clone()),
            y_ticks: (first..=last).map(|tick| label(LEFT - 6.0, y(tick as f64 * step), number(tick))).collect(),
            lines: data.series.iter().enumerate().map(|(i, series)| line(series, i % STYLES, &x, &y)).collect(),
        }
    }
}

fn line(series: &Series, style: usize, x: &impl Fn(usize) -> f64, y: &impl Fn(f64) -> f64) -> Line {
    let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
    let at = || series.values.iter().enumerate().filter_map(|(i, value)| finite(value).map(|value| (i, value)));
    let points: Vec<String> = at().map(|(i, value)| format!("{},{}", x(i), y(value))).collect();
    let band: Vec<(usize, [f64; 2])> = series.band.iter().enumerate().filter_map(|(i, b)| b.map(|b| (i, b))).collect();
    let upper = band.iter().map(|(i, [_, high])| format!("{},{}", x(*i), y(*high)));
    let lower = band.iter().rev().map(|(i, [low, _])| format!("{},{}", x(*i), y(*low)));
    let dots = at().map(|(i, value)| Label { x: x(i), y: y(value), text: format!("{}: {value:.4}", series.name) });
    Line {
        name: series.name.clone(),
        style,
        points: points.join(" "),
        band: upper.chain(lower).collect::<Vec<_>>().join(" "),
        dots: dots.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_inside_the_plot_and_in_order() {
        let series = Series::new("s", vec![Some(-0.3), Some(0.9), None, Some(f64::NAN)]);
        let series = series.with_band(vec![Some([-0.5, 0.1]), None, None, None]);
        let plot = LinePlot::new(&PlotData {
            caption: String::new(),
            x_title: String::new(),
            x_labels: vec![String::new(); 4],
            y_unit: " %".to_owned(),
            series: vec![series],
        });
        let [a, b] = &plot.lines[0].dots[..] else { panic!("two finite values") };
        assert!(a.x < b.x && a.y > b.y && a.y < TOP + HEIGHT && b.y > TOP, "{plot:?}");
        assert!(plot.zero.is_some_and(|zero| zero < a.y && zero > b.y));
        assert!(plot.y_ticks.iter().any(|tick| tick.text == "−0.5 %"), "{:?}", plot.y_ticks);
        let empty = PlotData {
            caption: String::new(),
            x_title: String::new(),
            x_labels: vec![],
            y_unit: String::new(),
            series: vec![],
        };
        assert!(LinePlot::new(&empty).lines.is_empty());
    }
}
