//! Report: takes results, trials and flipped items, gives one self-contained HTML page and a small
//! Markdown table.
//!
//! The last stage of a run. The page carries its own styles and drawings, asks nothing of the
//! network (its content policy forbids it) and reads without JavaScript.

use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;

use crate::results::{Results, verdict};
use laser_statistics::Split;

mod comparison;
mod flips;
mod heat_map;
mod layer_axis;
mod layer_plot;
mod markdown;
mod provenance;
mod scale;
mod tasks;
mod trials;

pub use flips::Flip;
pub use markdown::markdown_table;
pub use trials::TrialRow;

/// Why a page could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The base was not scored on the split that trials are compared on.
    #[error("results, base: expected scores on the `{expected}` split, found {found:?}")]
    MissingSplit {
        /// The split that is needed.
        expected: Split,
        /// The splits there are.
        found: Vec<Split>,
    },
    /// The page template does not fit the data.
    #[error("report template")]
    Template(#[from] minijinja::Error),
}

/// A text in a drawing: where it stands and what it says.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Tick {
    x: f64,
    y: f64,
    text: String,
}

/// Renders the page: verdict, base against winner, heat maps, best per layer, flips, provenance.
///
/// `trials` are drawn where their split is the search split, their accuracy compared with the
/// base's there. All texts are escaped; prompts may contain anything.
///
/// # Errors
/// If the base has no scores on the search split.
pub fn render_html(results: &Results, trials: &[TrialRow], flips: &[Flip]) -> Result<String, ReportError> {
    let base = results.base.get(&Split::Search).ok_or_else(|| ReportError::MissingSplit {
        expected: Split::Search,
        found: results.base.keys().copied().collect(),
    })?;
    // Accuracies say nothing of texts that are only read.
    let reads = !results.texts_aimed_at().is_empty();
    let grid = trials::Grid::new(if reads { &[] } else { trials }, base, &results.best.edit);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_template("report.html", include_str!("report/report.html.j2"))?;
    let page = environment.get_template("report.html")?.render(context! {
        css => include_str!("report/report.css"),
        verdict => verdict(results),
        model => results.manifest.model.path,
        task => results.manifest.task.name,
        comparison => (!reads).then(|| comparison::comparison(results)),
        tasks => tasks::rows(results),
        panels => heat_map::panels(&grid),
        legend => scale::legend(),
        layer_plot => layer_plot::layer_plot(&grid, results.search.null_best_gain),
        leaders => grid.leaders(10),
        fixed => flips::table(flips, true),
        broken => flips::table(flips, false),
        provenance => provenance::rows(results),
        notes => results.notes,
    })?;
    Ok(page)
}

/// Rounds a coordinate to tenths of a pixel, which keeps the page small.
fn px(x: f64) -> f64 {
    (10.0 * x).round() / 10.0
}

#[cfg(test)]
mod tests;
