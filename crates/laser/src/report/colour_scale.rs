//! Colour scale: takes a change in accuracy, gives one of thirteen style classes from large loss to large gain.
//!
//! The edges between the classes are fixed, so that a colour means the same change in every report. Outer classes are
//! wider: typical gains are small and typical losses large, and the scale must distinguish both. The style sheet defines
//! the colours (orange to blue, which colour-blind readers can distinguish), for light and for dark pages.

use serde::Serialize;

/// Edges between the classes, percentage points; the classes of losses have the same edges with a minus sign.
const EDGES: [f64; 6] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0];

/// The style class of a change in accuracy (a fraction): `n6` (largest loss), …, `z` (no change), …, `p6` (largest gain).
pub(super) fn class(change: f64) -> String {
    // Differences of floats can fall just below an edge; the small addition keeps 0.03 − 0.02 in the class of 0.01.
    let points = 100.0 * change.abs() + 5e-5;
    match EDGES.iter().filter(|&&edge| points >= edge).count() {
        0 => "z".to_owned(),
        step => format!("{}{step}", if change < 0.0 { 'n' } else { 'p' }),
    }
}

/// A coloured square of the legend, and the edge between its class and the next, percentage points; empty for the last.
#[derive(Debug, Serialize)]
pub(super) struct Swatch {
    class: String,
    edge: String,
}

/// The squares of the legend, from the largest loss to the largest gain.
pub(super) fn legend() -> Vec<Swatch> {
    let steps = EDGES.len();
    let losses =
        (1..=steps).rev().map(|step| Swatch { class: format!("n{step}"), edge: format!("−{}", EDGES[step - 1]) });
    let unchanged = Swatch { class: "z".to_owned(), edge: EDGES[0].to_string() };
    let gains = (1..=steps)
        .map(|step| Swatch { class: format!("p{step}"), edge: EDGES.get(step).map_or(String::new(), f64::to_string) });
    losses.chain([unchanged]).chain(gains).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_symmetric_and_include_their_lower_edge() {
        let classes = [0.0, 0.0049, 0.005, 0.0099, 0.03 - 0.02, 0.19, 0.2, 0.9].map(class);
        assert_eq!(classes, ["z", "z", "p1", "p1", "p2", "p5", "p6", "p6"]);
        let classes = [-0.0049, -0.005, -0.03, -0.5].map(class);
        assert_eq!(classes, ["z", "n1", "n3", "n6"]);
    }

    #[test]
    fn the_legend_names_every_edge_once() {
        let edges: Vec<String> = legend().into_iter().map(|swatch| swatch.edge).collect();
        assert_eq!(edges.join(" "), "−20 −10 −5 −2 −1 −0.5 0.5 1 2 5 10 20 ");
    }
}
