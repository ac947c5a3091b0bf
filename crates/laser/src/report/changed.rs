//! Changed matrices: takes the matrices that the winner edits, gives their table and a drawing of each spectrum.

use serde::Serialize;

use super::drawing::{Label, px};
use super::table::{Cell, Table};
use crate::edit::reduction::Reduction;
use crate::results::MatrixChange;
use crate::results::number_format::{count, percent};

/// Space left of the plotted area, pixels.
const LEFT: f64 = 46.0;
/// Space right of it, pixels.
const RIGHT: f64 = 10.0;
/// Space above it, pixels.
const TOP: f64 = 22.0;
/// Space below it, pixels.
const BOTTOM: f64 = 38.0;
/// Size of the plotted area, pixels.
const SIZE: [f64; 2] = [280.0, 170.0];
/// Most spectra that are drawn.
const DRAWN: usize = 12;

/// The section "What was changed".
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    table: Table,
    spectra: Vec<SpectrumPlot>,
    /// Number of all matrices, formatted, if not all spectra are drawn.
    total: Option<String>,
}

/// The spectrum of one matrix on logarithmic axes; all coordinates in pixels.
#[derive(Debug, Serialize)]
struct SpectrumPlot {
    matrix: String,
    /// Description in words.
    about: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    /// Points of the curve, as the attribute `points` of an SVG polyline: the components that are kept, and the others.
    kept: String,
    removed: String,
    /// Height of the edge of the noise, if it is within the values.
    edge: Option<f64>,
    /// Place of the cut, if the edit keeps some of the largest components.
    cut: Option<Label>,
    x_ticks: Vec<Label>,
    y_ticks: Vec<Label>,
    x_title: Label,
}

/// The table and the drawings; `None` for runs that do not say what was changed.
pub(super) fn changed(changes: &[MatrixChange]) -> Option<Changed> {
    let mut table = Table::new(
        "changed-matrices",
        "The matrices that the edit changes",
        &[
            "matrix",
            "layer",
            "keep",
            "#rank",
            "#of",
            "#energy kept",
            "#relative error",
            "#effective rank before",
            "#components above noise",
        ],
    );
    for change in changes {
        let (layer, matrix) = change.matrix.split_once('.').unwrap_or(("", &change.matrix));
        table.push(
            vec![
                Cell::new(matrix),
                Cell::new(layer.trim_start_matches('L')),
                Cell::new(&*change.reduction),
                Cell::new(change.rank.map_or_else(|| "–".to_owned(), count)).strong(),
                Cell::new(count(change.max_rank)),
                Cell::new(change.energy.map_or_else(|| "–".to_owned(), percent)),
                Cell::new(percent(change.relative_error)),
                Cell::new(format!("{:.1}", change.effective_rank)),
                Cell::new(count(change.above_noise)),
            ],
            false,
        );
    }
    (!changes.is_empty()).then(|| Changed {
        table,
        spectra: changes.iter().filter_map(spectrum_plot).take(DRAWN).collect(),
        total: (changes.len() > DRAWN).then(|| count(changes.len())),
    })
}

/// Draws a spectrum; `None` if it has fewer than two values above zero, of which nothing can be seen.
fn spectrum_plot(change: &MatrixChange) -> Option<SpectrumPlot> {
    let values: Vec<(usize, f64)> = change.spectrum.iter().copied().filter(|(_, sigma)| *sigma > 0.0).collect();
    let (first, last) = (values.first()?, values.last()?);
    if values.len() < 2 {
        return None;
    }
    let decades = [last.1.log10().floor() as i32, first.1.log10().ceil() as i32];
    // The last few values may be rounding errors of zero, which would take most of the height.
    let low = decades[0].max(decades[1] - 5);
    let high = decades[1].max(low + 1);
    let bottom = TOP + SIZE[1];
    let y = |sigma: f64| {
        px(bottom - SIZE[1] * (sigma.log10().max(f64::from(low)) - f64::from(low)) / f64::from(high - low))
    };
    let max = change.max_rank.max(2) as f64;
    let x = |position: f64| px(LEFT + SIZE[0] * position.ln() / max.ln());
    let line = |of: &mut dyn Iterator<Item = &(usize, f64)>| {
        of.map(|(position, sigma)| format!("{},{}", x(*position as f64), y(*sigma))).collect::<Vec<_>>().join(" ")
    };
    // Reductions without a cut, such as bands, have no kept and removed side.
    let keeps_largest = change.reduction.parse::<Reduction>().is_ok_and(|reduction| reduction.keeps_largest());
    let rank = change.rank.filter(|_| keeps_largest).unwrap_or(change.max_rank);
    let (mut kept, mut removed) = (values.iter().filter(|(p, _)| *p <= rank), values.iter().filter(|(p, _)| *p > rank));
    let cut = (rank > 0 && rank < change.max_rank).then(|| {
        let at = x(rank as f64 + 0.5);
        Label { x: at, y: TOP - 8.0, text: format!("cut after {}", count(rank)) }
    });
    let edge =
        (change.noise_edge >= 10f64.powi(low) && change.noise_edge <= 10f64.powi(high)).then(|| y(change.noise_edge));
    let power = |exponent: i32| match exponent {
        -3..=3 => format!("{}", 10f64.powi(exponent)),
        exponent => format!("1e{exponent}"),
    };
    let tens = (0..9).map(|exponent| 10usize.pow(exponent)).filter(|position| *position <= change.max_rank);
    Some(SpectrumPlot {
        matrix: change.matrix.clone(),
        about: format!(
            "Singular values of {}, from {:.3} to {:.3}; the edit keeps {} of {}",
            change.matrix,
            first.1,
            last.1,
            change.rank.map_or_else(|| "some".to_owned(), count),
            count(change.max_rank)
        ),
        width: LEFT + SIZE[0] + RIGHT,
        height: bottom + BOTTOM,
        left: LEFT,
        right: LEFT + SIZE[0],
        top: TOP,
        bottom,
        kept: line(&mut kept),
        removed: line(&mut removed),
        edge,
        cut,
        x_ticks: tens.map(|n| Label { x: x(n as f64), y: bottom + 16.0, text: count(n) }).collect(),
        y_ticks: (low..=high).map(|e| Label { x: LEFT - 6.0, y: y(10f64.powi(e)), text: power(e) }).collect(),
        x_title: Label { x: px(LEFT + SIZE[0] / 2.0), y: bottom + 33.0, text: "component".to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn change(reduction: &str, rank: Option<usize>) -> MatrixChange {
        MatrixChange {
            matrix: "L27.gate_proj".to_owned(),
            reduction: reduction.to_owned(),
            rank,
            max_rank: 40,
            energy: rank.map(|_| 0.25),
            relative_error: 0.75f64.sqrt(),
            effective_rank: 31.25,
            noise_edge: 3.0,
            above_noise: 2,
            spectrum: (1..=40).map(|i| (i, 40.0 / i as f64)).collect(),
        }
    }

    #[test]
    fn the_cut_divides_the_curve_and_lies_inside() {
        let plot = spectrum_plot(&change("0.1", Some(4))).expect("a plot");
        assert_eq!((plot.kept.split(' ').count(), plot.removed.split(' ').count()), (4, 36));
        let cut = plot.cut.expect("a cut");
        assert!(cut.x > plot.left && cut.x < plot.right && cut.text == "cut after 4", "{cut:?}");
        assert!(plot.edge.is_some_and(|edge| edge > plot.top && edge < plot.bottom));
        assert_eq!(plot.y_ticks.iter().map(|tick| &*tick.text).collect::<Vec<_>>(), ["1", "10", "100"]);
    }

    #[test]
    fn other_reductions_and_zero_values_are_drawn_without_a_cut() {
        let plot = spectrum_plot(&change("band(0.1..0.4)", Some(12))).expect("a plot");
        assert!(plot.cut.is_none() && plot.removed.is_empty());
        let mut nothing = change("zero", Some(0));
        let plot = spectrum_plot(&nothing).expect("a plot");
        assert!(plot.cut.is_none() && plot.kept.is_empty() && !plot.removed.is_empty());
        nothing.spectrum.iter_mut().for_each(|(_, sigma)| *sigma = 0.0);
        assert!(spectrum_plot(&nothing).is_none());
        // Rounding errors of zero are not drawn to scale.
        nothing.spectrum = vec![(1, 10.0), (2, 1.0), (3, 1e-14)];
        assert_eq!(spectrum_plot(&nothing).expect("a plot").y_ticks.len(), 6);
    }
}
