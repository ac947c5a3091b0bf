//! Colour scale: takes a change in accuracy, gives one of thirteen classes from harm to gain.
//!
//! The classes have fixed edges, so that the same colour means the same change in every report,
//! and widen outwards: gains are small and losses large, and both must be told apart. The colours
//! themselves (orange to blue, safe for the usual colour blindness) are in the style sheet, once
//! for light and once for dark pages.

use serde::Serialize;

/// Edges between the classes on either side of no change, in percentage points.
const EDGES: [f64; 6] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0];

/// The style class of a change in accuracy (a fraction): `n6` (worst) … `z` (none) … `p6` (best).
pub(super) fn class(change: f64) -> String {
    // Half a ten-thousandth of a point keeps 0.02 − 0.01 and 0.01 in the same class.
    let points = 100.0 * change.abs() + 5e-5;
    match EDGES.iter().filter(|&&edge| points >= edge).count() {
        0 => "z".to_owned(),
        step => format!("{}{step}", if change < 0.0 { 'n' } else { 'p' }),
    }
}

/// One colour of the legend and the edge at its right.
#[derive(Debug, Serialize)]
pub(super) struct Swatch {
    class: String,
    edge: String,
}

/// The colours from worst to best.
pub(super) fn legend() -> Vec<Swatch> {
    let steps = EDGES.len();
    let harm =
        (1..=steps).rev().map(|step| Swatch { class: format!("n{step}"), edge: format!("−{}", EDGES[step - 1]) });
    let none = Swatch { class: "z".to_owned(), edge: EDGES[0].to_string() };
    let gain = (1..=steps)
        .map(|step| Swatch { class: format!("p{step}"), edge: EDGES.get(step).map_or(String::new(), f64::to_string) });
    harm.chain([none]).chain(gain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_symmetric_and_closed_at_the_edge() {
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
