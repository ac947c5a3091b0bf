//! Path of the composition: takes the edits that a composition passed through and the grid, gives a small drawing of the
//! gain from step to step, and the steps as a table.

use serde::Serialize;

use super::drawing::{Label, px, tick_step};
use super::grid::{Cell, Grid, Progress};
use super::table::{self, Table};
use crate::edit::reduction::split_list;
use crate::results::number_format::{points, signed_nats};

/// Space left of the plotted area, pixels.
const LEFT: f64 = 60.0;
/// Space right of it, pixels.
const RIGHT: f64 = 12.0;
/// Space above it, pixels.
const TOP: f64 = 12.0;
/// Space below it, pixels.
const BOTTOM: f64 = 38.0;
/// Height of the plotted area, pixels.
const HEIGHT: f64 = 130.0;
/// Least and largest width of the plotted area, pixels.
const WIDTH: [f64; 2] = [200.0, 520.0];
/// Width of a step, pixels.
const STEP: f64 = 56.0;

/// The drawing; all coordinates in pixels.
#[derive(Debug, Serialize)]
pub(super) struct PathPlot {
    table: Table,
    /// Unit of the gains.
    unit: &'static str,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    zero: f64,
    line: String,
    dots: Vec<Label>,
    y_ticks: Vec<Label>,
    x_ticks: Vec<Label>,
    x_title: Label,
}

/// Draws the path; `None` without steps whose trials are known. The first point is the unedited model.
pub(super) fn path_plot(steps: &[String], grid: &Grid) -> Option<PathPlot> {
    let find = |edit: &String| {
        let singles = grid.cells.values();
        singles.chain(&grid.compositions).find(|cell| cell.edit == *edit && cell.progress == Progress::Full)
    };
    let found: Vec<&Cell> = steps.iter().map(find).collect::<Option<_>>()?;
    if found.is_empty() {
        return None;
    }
    // Texts without answers have no accuracy.
    let by_accuracy = found.iter().all(|cell| cell.gain.is_some());
    let (unit, format): (_, fn(f64) -> String) =
        if by_accuracy { ("points", points) } else { ("nats an item", signed_nats) };
    let gain = |cell: &Cell| if by_accuracy { cell.gain } else { cell.loss_fall };
    let gains: Vec<f64> = [0.0].into_iter().chain(found.iter().map(|cell| gain(cell).unwrap_or(0.0))).collect();
    let (low, high) = gains.iter().fold((0.0_f64, 0.0_f64), |(low, high), gain| (low.min(*gain), high.max(*gain)));
    let step = tick_step(high - low, 4.0, 0.001);
    let (low, high) = ((low / step).floor() as i32, ((high / step).ceil() as i32).max(1));
    let y = |gain: f64| px(TOP + HEIGHT * (f64::from(high) - gain / step) / f64::from(high - low));
    let width = (STEP * gains.len() as f64).clamp(WIDTH[0], WIDTH[1]);
    let x = |i: usize| px(LEFT + width * (i as f64 + 0.5) / gains.len() as f64);
    let mut table = Table::new("composition-path", "The steps of the composition", &["step", "change", "#gain"]);
    let mut before: Vec<&str> = Vec::new();
    for (i, cell) in found.iter().enumerate() {
        let parts = split_list(&cell.edit);
        table.push(
            vec![
                table::Cell::new((i + 1).to_string()),
                table::Cell::new(difference(&before, &parts)),
                table::Cell::new(format!("{} {unit}", format(gains[i + 1]))),
            ],
            cell.winner,
        );
        before = parts;
    }
    let every = gains.len() / 12 + 1;
    Some(PathPlot {
        table,
        unit,
        width: LEFT + width + RIGHT,
        height: TOP + HEIGHT + BOTTOM,
        left: LEFT,
        right: LEFT + width,
        zero: y(0.0),
        line: gains.iter().enumerate().map(|(i, gain)| format!("{},{}", x(i), y(*gain))).collect::<Vec<_>>().join(" "),
        dots: gains
            .iter()
            .enumerate()
            .map(|(i, gain)| Label {
                x: x(i),
                y: y(*gain),
                text: match i {
                    0 => "unedited model".to_owned(),
                    i => format!("step {i}: {} {unit}", format(*gain)),
                },
            })
            .collect(),
        y_ticks: (low..=high)
            .map(|tick| f64::from(tick) * step)
            .map(|gain| Label { x: LEFT - 6.0, y: y(gain), text: format(gain) })
            .collect(),
        x_ticks: (0..gains.len())
            .step_by(every)
            .map(|i| Label { x: x(i), y: TOP + HEIGHT + 16.0, text: i.to_string() })
            .collect(),
        x_title: Label { x: px(LEFT + width / 2.0), y: TOP + HEIGHT + 33.0, text: "step".to_owned() },
    })
}

/// The reductions by which an edit differs from the one before it: `+ L3.up_proj@0.1 − L3.up_proj@0.2`.
fn difference(before: &[&str], after: &[&str]) -> String {
    let added = after.iter().filter(|part| !before.contains(part)).map(|part| format!("+ {part}"));
    let removed = before.iter().filter(|part| !after.contains(part)).map(|part| format!("− {part}"));
    added.chain(removed).collect::<Vec<_>>().join(" ")
}
