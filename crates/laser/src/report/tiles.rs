//! Tiles: takes results, gives the few numbers in large type at the head of the page: the gain on the test split, and
//! beside it the price.

use serde::Serialize;

use super::costs::Costs;
use super::tasks;
use crate::results::number_format::{percent, points};
use crate::results::{Results, SplitScores};
use laser_statistics::Split;

/// A number in large type.
#[derive(Debug, Serialize)]
pub(super) struct Tile {
    name: String,
    value: String,
    remark: String,
}

/// The tiles; none if no edit is proposed or the test split has no items. `has_accuracy` is false for texts, of which only
/// the log-loss is measured.
pub(super) fn tiles(results: &Results, has_accuracy: bool, costs: Option<&Costs>) -> Vec<Tile> {
    if !results.proposes_edit() {
        return Vec::new();
    }
    let mut tiles = if has_accuracy { of_accuracy(results) } else { of_texts(results) };
    if !tiles.is_empty() {
        tiles.push(match costs {
            Some(costs) => {
                tile("price on ordinary text, nats a token", &costs.headline, &interval_text(&costs.interval))
            }
            None => tile("price on ordinary text", "?", "not measured"),
        });
    }
    tiles
}

fn of_accuracy(results: &Results) -> Vec<Tile> {
    let accuracy = |scores: &SplitScores| scores.get(&Split::Test)?.accuracy.clone();
    let (Some(base), Some(best)) = (accuracy(&results.base), accuracy(&results.best.splits)) else { return Vec::new() };
    let interval = |[low, high]: [f64; 2]| format!("95 %: {:.1} to {:.1}", 100.0 * low, 100.0 * high);
    let change =
        results.test.ci95.map_or_else(String::new, |[low, high]| format!("{} to {}", points(low), points(high)));
    vec![
        tile("unedited model, test", &percent(base.acc), &interval(base.acc_ci95)),
        tile("with the edit, test", &percent(best.acc), &interval(best.acc_ci95)),
        tile("gain, points", &points(best.acc - base.acc), &interval_text(&change)),
    ]
}

/// The log-loss of the first text that the search was to improve.
fn of_texts(results: &Results) -> Vec<Tile> {
    let rows = tasks::rows(results);
    let row = rows.iter().find(|row| row.split == Split::Test && row.guard.is_empty());
    row.map_or_else(Vec::new, |row| {
        vec![
            tile("unedited model, nats a token", &row.base, &row.task),
            tile("with the edit, nats a token", &row.best, &row.task),
            tile("change of the log-loss", row.change.split(' ').next().unwrap_or(""), &interval_text(&row.interval)),
        ]
    })
}

fn interval_text(interval: &str) -> String {
    if interval.is_empty() { "no interval".to_owned() } else { format!("95 %: {interval}") }
}

fn tile(name: &str, value: &str, remark: &str) -> Tile {
    Tile { name: name.to_owned(), value: value.to_owned(), remark: remark.to_owned() }
}
