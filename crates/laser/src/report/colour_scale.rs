//! Colour scale: takes a change, gives one of thirteen style classes from large loss to large gain.
//!
//! The edges between the classes are fixed, so that a colour means the same change in every report. Outer classes are
//! wider: typical gains are small and typical losses large, and the scale must distinguish both. The style sheet defines
//! the colours (orange to blue, which colour-blind readers can distinguish), for light and for dark pages.

use serde::Serialize;

/// Edges between the classes of changes in accuracy, percentage points; the classes of losses have the same edges with a
/// minus sign.
const POINTS: [f64; 6] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0];
/// Edges between the classes of changes in nats.
const NATS: [f64; 6] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/// The style class of a change in accuracy (a fraction): `n6` (largest loss), …, `z` (no change), …, `p6` (largest gain).
pub(super) fn of_points(change: f64) -> String {
    class(100.0 * change, &POINTS)
}

/// The style class of a gain in nats.
pub(super) fn of_nats(gain: f64) -> String {
    class(gain, &NATS)
}

/// The style class of a value without a unit, by its place among all of them, which are in ascending order: `z` for the
/// lowest seventh, …, `p6` for the highest.
pub(super) fn of_order(value: f64, ascending: &[f64]) -> String {
    let below = ascending.partition_point(|other| *other < value);
    match 7 * below / ascending.len().max(1) {
        0 => "z".to_owned(),
        step => format!("p{step}"),
    }
}

fn class(change: f64, edges: &[f64]) -> String {
    // Differences of floats can fall just below an edge; the small addition keeps 0.03 − 0.02 in the class of 0.01.
    let size = change.abs() * (1.0 + 1e-9) + 1e-9;
    match edges.iter().filter(|&&edge| size >= edge).count() {
        0 => "z".to_owned(),
        step => format!("{}{step}", if change < 0.0 { 'n' } else { 'p' }),
    }
}

/// A coloured square of a legend, and the edge between its class and the next; empty for the last.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Swatch {
    class: String,
    edge: String,
}

/// The squares of the legend of changes in accuracy, from the largest loss to the largest gain.
pub(super) fn points_legend() -> Vec<Swatch> {
    legend(&POINTS)
}

/// The squares of the legend of gains in nats.
pub(super) fn nats_legend() -> Vec<Swatch> {
    legend(&NATS)
}

/// The squares of the legend of values without a unit.
pub(super) fn order_legend() -> Vec<Swatch> {
    let edge = |step: usize| match step {
        0 => "lowest seventh".to_owned(),
        5 => "highest".to_owned(),
        _ => String::new(),
    };
    let class = |step: usize| if step == 0 { "z".to_owned() } else { format!("p{step}") };
    (0..=6).map(|step| Swatch { class: class(step), edge: edge(step) }).collect()
}

fn legend(edges: &[f64; 6]) -> Vec<Swatch> {
    let steps = edges.len();
    let losses =
        (1..=steps).rev().map(|step| Swatch { class: format!("n{step}"), edge: format!("−{}", edges[step - 1]) });
    let unchanged = Swatch { class: "z".to_owned(), edge: edges[0].to_string() };
    let gains = (1..=steps)
        .map(|step| Swatch { class: format!("p{step}"), edge: edges.get(step).map_or(String::new(), f64::to_string) });
    losses.chain([unchanged]).chain(gains).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_symmetric_and_include_their_lower_edge() {
        let classes = [0.0, 0.0049, 0.005, 0.0099, 0.03 - 0.02, 0.19, 0.2, 0.9].map(of_points);
        assert_eq!(classes, ["z", "z", "p1", "p1", "p2", "p5", "p6", "p6"]);
        let classes = [-0.0049, -0.005, -0.03, -0.5].map(of_points);
        assert_eq!(classes, ["z", "n1", "n3", "n6"]);
        assert_eq!([0.009, 0.01, -0.3].map(of_nats), ["z", "p1", "n5"]);
    }

    #[test]
    fn values_without_a_unit_are_classed_by_their_place() {
        let values: Vec<f64> = (0..70).map(f64::from).collect();
        assert_eq!([0.0, 9.0, 10.0, 69.0].map(|value| of_order(value, &values)), ["z", "z", "p1", "p6"]);
        assert_eq!(of_order(1.0, &[1.0]), "z");
    }

    #[test]
    fn the_legend_names_every_edge_once() {
        let edges: Vec<String> = points_legend().into_iter().map(|swatch| swatch.edge).collect();
        assert_eq!(edges.join(" "), "−20 −10 −5 −2 −1 −0.5 0.5 1 2 5 10 20 ");
    }
}
