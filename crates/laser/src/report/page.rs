//! Page: fills the HTML template with tables and drawings.

use minijinja::{Environment, UndefinedBehavior, context};

use super::STYLE_SHEET;
use super::error::ReportError;
use super::flips::{self, Flip};
use super::grid::Grid;
use super::{colour_scale, comparison, costs, finalists, heat_map, layer_plot, provenance, tasks};
use crate::results::{Results, verdict_sentence};
use crate::search::store::TrialRow;
use laser_statistics::Split;

/// Number of edits in the table of the best ones, which searches without finalists have.
const LEADERS: usize = 10;

/// Renders the page: verdict, winner against unedited model, its price, heat maps, best edit of each layer, finalists,
/// flipped answers and provenance. If no edit is proposed, the unedited model's scores stand in place of the winner.
///
/// Trials on the search split are drawn, with their accuracy minus that of the unedited model there; trials on other
/// splits are ignored. All texts are escaped, since prompts may contain anything.
///
/// # Errors
/// The results have no scores of the unedited model on the search split.
pub fn render_html(results: &Results, trials: &[TrialRow], flips: &[Flip]) -> Result<String, ReportError> {
    let base = results.base.get(&Split::Search).ok_or_else(|| ReportError::MissingSplit {
        expected: Split::Search,
        found: results.base.keys().copied().collect(),
    })?;
    // Perplexity tasks have no answers, so accuracies of their trials mean nothing and are not drawn.
    let has_accuracy = results.perplexity_goals().is_empty();
    let grid = Grid::new(if has_accuracy { trials } else { &[] }, base, &results.best.edit);
    let mut environment = Environment::new();
    // A name that the template misspells is an error instead of an empty text.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    // The name ends in `.html`, which switches on escaping.
    environment.add_template("report.html", include_str!("report.html.j2"))?;
    let page = environment.get_template("report.html")?.render(context! {
        css => STYLE_SHEET,
        verdict => verdict_sentence(results),
        model => results.manifest.model.path,
        task => results.manifest.task.name,
        proposed => results.proposes_edit(),
        comparison => has_accuracy.then(|| comparison::comparison(results)),
        costs => results.price.as_ref().map(costs::costs),
        tasks => tasks::rows(results),
        panels => heat_map::panels(&grid),
        legend => colour_scale::legend(),
        layer_plot => layer_plot::layer_plot(&grid, results.search.null_best_gain),
        finalists => finalists::finalists(results),
        leaders => grid.leaders(LEADERS),
        fixed => flips::table(flips, true),
        broken => flips::table(flips, false),
        provenance => provenance::rows(results),
        notes => results.notes,
    })?;
    Ok(page)
}
