//! Finalists: takes the edits that reached the validation split, gives their table, and the best of them for several
//! bounds of damage, for the page and for the terminal.

use serde::Serialize;

use super::table::{Cell, Table};
use crate::results::number_format::{count, nats, nats_with, points};
use crate::results::{FinalistSummary, Results};

/// Largest number of rows of the table of finalists; the winner is added if it is not among them.
const SHOWN: usize = 20;

/// Bounds of damage of the second table, nats a token of ordinary text; the last row has no bound.
const BOUNDS: [Option<f64>; 6] = [Some(0.02), Some(0.05), Some(0.1), Some(0.2), Some(0.5), None];

/// The table of finalists, and the best of them for each bound of damage.
#[derive(Debug)]
pub(super) struct Finalists {
    /// Unit of the gains.
    pub(super) unit: &'static str,
    /// The finalists with the largest estimated gains, the largest first.
    table: Table,
    /// Number of all finalists, formatted, if the table leaves some out.
    total: Option<String>,
    /// True if the search had guards.
    has_guards: bool,
    /// The best finalist for each bound; empty if no damage was measured.
    pub(super) bounds: Vec<BoundRow>,
}

/// The section of the page.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    table: Table,
    total: Option<String>,
    has_guards: bool,
    bounds: Option<Table>,
}

/// The best finalist whose damage is within a bound, as formatted text.
#[derive(Debug)]
pub(super) struct BoundRow {
    /// The bound, or `no bound`.
    pub(super) bound: String,
    /// The edit; `None` if no finalist within the bound is better than the unedited model.
    pub(super) best: Option<BestWithin>,
}

/// An edit with its gain and damage, as formatted text.
#[derive(Debug)]
pub(super) struct BestWithin {
    pub(super) edit: String,
    /// Estimated gain with its standard error.
    pub(super) estimated: String,
    pub(super) damage: String,
}

/// Formats the finalists of a search; `None` if there are none.
pub(super) fn finalists(results: &Results) -> Option<Finalists> {
    if results.finalists.is_empty() {
        return None;
    }
    let unit = Unit::of(results);
    let mut sorted: Vec<&FinalistSummary> = results.finalists.iter().collect();
    sorted.sort_by(|a, b| b.estimated.total_cmp(&a.estimated));
    let is_winner = |finalist: &FinalistSummary| finalist.edit == results.best.edit;
    let shown = sorted.iter().enumerate().filter(|(place, finalist)| *place < SHOWN || is_winner(finalist));
    let is_measured = results.finalists.iter().any(|finalist| finalist.damage.is_some());
    let has_guards = results.tasks.iter().any(|task| task.guard.is_some());
    let gain = format!("#measured gain, {}", unit.name);
    let mut titles = vec!["edit", &*gain, "#estimated gain ± standard error"];
    titles.extend(is_measured.then_some("#damage, nats a token"));
    titles.extend(has_guards.then_some("guards"));
    let mut table = Table::new("finalists", "The finalists", &titles);
    for (_, finalist) in shown {
        let edit = Cell::edit(&finalist.edit);
        let mut cells = vec![
            if is_winner(finalist) { edit.note("winner") } else { edit },
            Cell::new(unit.format(finalist.measured)),
            Cell::new(unit.estimate(finalist)),
        ];
        cells.extend(is_measured.then(|| Cell::new(damage(finalist))));
        cells.extend(has_guards.then(|| Cell::new(if finalist.keeps_guards { "kept" } else { "broken" })));
        table.push(cells, is_winner(finalist));
    }
    let bounds = BOUNDS.iter().map(|bound| best_within(*bound, &sorted, &unit));
    Some(Finalists {
        unit: unit.name,
        total: (table.rows.len() < sorted.len()).then(|| count(sorted.len())),
        table,
        has_guards,
        bounds: if is_measured { bounds.collect() } else { vec![] },
    })
}

/// The finalists as a section of the page; `None` if there are none.
pub(super) fn section(results: &Results) -> Option<Section> {
    let Finalists { unit, table, total, has_guards, bounds } = finalists(results)?;
    let gain = format!("#estimated gain, {unit}");
    let titles = ["damage at most, nats a token", "best edit", &gain, "#damage"];
    let mut of_bounds = Table::new("bounds-of-damage", "Best edit for several bounds of damage", &titles);
    for BoundRow { bound, best } in &bounds {
        let mut cells = vec![Cell::new(bound)];
        match best {
            Some(BestWithin { edit, estimated, damage }) => {
                cells.extend([Cell::edit(edit), Cell::new(estimated), Cell::new(damage)]);
            }
            None => cells.extend([Cell::new("none"), Cell::new(""), Cell::new("")]),
        }
        of_bounds.push(cells, false);
    }
    Some(Section { table, total, has_guards, bounds: (!bounds.is_empty()).then_some(of_bounds) })
}

/// The row of one bound; `sorted`: the finalists, that of the largest estimated gain first.
fn best_within(bound: Option<f64>, sorted: &[&FinalistSummary], unit: &Unit) -> BoundRow {
    let is_within = |f: &FinalistSummary| bound.is_none_or(|bound| f.damage.is_some_and(|damage| damage <= bound));
    // The unedited model does no damage: an edit that is no better than it is not the best for any bound.
    let best = sorted.iter().find(|f| f.keeps_guards && f.estimated > 0.0 && is_within(f));
    BoundRow {
        bound: bound.map_or_else(|| "no bound".to_owned(), |bound| bound.to_string()),
        best: best.map(|finalist| BestWithin {
            edit: finalist.edit.clone(),
            estimated: unit.estimate(finalist),
            damage: damage(finalist),
        }),
    }
}

/// The damage with three decimals, which distinguish damage on either side of the smallest bound.
fn damage(finalist: &FinalistSummary) -> String {
    finalist.damage.map_or_else(String::new, |damage| nats_with(3, damage))
}

/// Unit of the objective, and how its gains are written.
struct Unit {
    name: &'static str,
    format: fn(f64) -> String,
}

impl Unit {
    /// The unit of the objective that the manifest names; results without one are of a search for accuracy.
    fn of(results: &Results) -> Self {
        match results.manifest.config.get("objective").and_then(|objective| objective.as_str()) {
            None | Some("accuracy") => Self { name: "points", format: points },
            Some("log-loss per token") => Self { name: "nats a token", format: nats },
            Some(_) => Self { name: "nats", format: nats },
        }
    }

    fn format(&self, gain: f64) -> String {
        (self.format)(gain)
    }

    /// The estimated gain with its standard error.
    fn estimate(&self, finalist: &FinalistSummary) -> String {
        let stderr = self.format(finalist.stderr);
        format!("{} ± {}", self.format(finalist.estimated), stderr.trim_start_matches('+'))
    }
}
