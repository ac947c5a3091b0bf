//! Page: fills the HTML template with tables and drawings.

use minijinja::context;

use super::error::ReportError;
use super::flips::{self, TestAnswers};
use super::grid::Grid;
use super::table::{Cell, Table};
use super::{changed, comparison, costs, finalists, heat_map, layer_plot, path_plot, provenance, tasks, tiles};
use crate::edit::reduction::split_list;
use crate::report::templates;
use crate::results::{Results, verdict_sentence};
use crate::search::store::TrialRow;
use laser_statistics::Split;

/// Number of edits in the table of the best ones, which searches without finalists have.
const LEADERS: usize = 10;
/// Most matrices of an edit that is written out below the verdict.
const WRITTEN_OUT: usize = 4;

/// Findings of a search beside its results; a part that is not known is left out of the page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Findings<'a> {
    /// A row for each edit that could be tried.
    pub trials: Option<&'a [TrialRow]>,
    /// The answers to the test split.
    pub answers: Option<&'a TestAnswers>,
    /// Gaps, a sentence each.
    pub lacks: &'a [String],
}

/// Renders the page: verdict, gain and price, what was changed, the grid of all edits, finalists, flipped answers and
/// provenance. If no edit is proposed, the unedited model's scores stand in place of the winner.
///
/// All texts are escaped, since prompts may contain anything.
///
/// # Errors
/// The results have no scores of the unedited model on the search split.
pub fn render_html(results: &Results, findings: &Findings<'_>) -> Result<String, ReportError> {
    let base = results.base.get(&Split::Search).ok_or_else(|| ReportError::MissingSplit {
        expected: Split::Search,
        found: results.base.keys().copied().collect(),
    })?;
    // Perplexity tasks have no answers, so accuracies mean nothing and are not shown.
    let has_accuracy = results.perplexity_goals().is_empty();
    let proposed = results.proposes_edit();
    let parts: Vec<String> =
        if proposed { split_list(&results.best.edit).into_iter().map(str::to_owned).collect() } else { Vec::new() };
    let trials = findings.trials.unwrap_or_default();
    let grid = Grid::new(trials, results, base, &parts);
    let costs = results.price.as_ref().map(costs::costs);
    let finalists = finalists::section(results);
    let page = templates()?.get_template("report.html")?.render(context! {
        title => format!("Laser: {} on {}", results.manifest.task.name, results.manifest.model.path),
        verdict => verdict_sentence(results),
        model => results.manifest.model.path,
        task => results.manifest.task.name,
        proposed,
        parts => (parts.len() <= WRITTEN_OUT).then_some(&parts),
        n_parts => parts.len(),
        tiles => tiles::tiles(results, has_accuracy, costs.as_ref()),
        comparison => has_accuracy.then(|| comparison::comparison(results)),
        costs,
        changed => changed::changed(&results.changes),
        path => path_plot::path_plot(&results.search.steps, &grid),
        tasks => tasks::table(results),
        maps => heat_map::heat_maps(&grid),
        trials_csv => script_text(&TrialRow::csv(trials)),
        layer_plot => layer_plot::layer_plot(&grid, results.search.null_best_gain),
        compositions => (!grid.compositions.is_empty()).then(|| edits("compositions", &grid.compositions)),
        leaders => finalists.is_none().then(|| edits("best-edits", grid.leaders(LEADERS))),
        finalists,
        flips => findings.answers.filter(|_| proposed && has_accuracy).map(flips::flips),
        provenance => provenance::table(results),
        notes => results.notes,
        lacks => findings.lacks,
    })?;
    Ok(page)
}

/// A table of edits with their scores on the search split; `None` without any.
fn edits<'a>(name: &'static str, cells: impl IntoIterator<Item = &'a super::grid::Cell>) -> Option<Table> {
    use crate::results::number_format::{count, percent, points, signed_nats};
    let titles = ["edit", "#rank", "#accuracy", "#change, points", "#log-loss, nats", "#change, nats"];
    let mut table = Table::new(name, "Edits with their scores on the search split", &titles);
    let number = |value: Option<f64>, format: fn(f64) -> String| Cell::new(value.map_or_else(String::new, format));
    for cell in cells {
        let edit = Cell::edit(&cell.edit);
        let row = vec![
            if cell.winner { edit.note("winner") } else { edit },
            Cell::new(cell.rank.map_or_else(String::new, count)),
            number(cell.accuracy, percent),
            number(cell.gain, points),
            number(cell.log_loss, |loss| format!("{loss:.3}")),
            number(cell.loss_fall.map(|fall| -fall), signed_nats),
        ];
        table.push(row, cell.winner);
    }
    (!table.rows.is_empty()).then_some(table)
}

/// A text as a JSON string that may stand in a `script` element: it cannot end the element.
fn script_text(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('<', "\\u003c").replace('&', "\\u0026")
}
