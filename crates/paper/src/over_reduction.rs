//! Figure 8: the matrix of the best edit of each data set, reduced further and further, to nothing.

use laser::Result;
use laser::page::{LinePlot, PlotData, Section, Series, Table};
use laser::results::number_format::percent;
use laser::sweep::{Kind, PAPER_PERCENTAGES, Sweep, SweepRow};
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

/// Percentages beyond those of figure 2.
const MORE: [&str; 2] = ["99.95", "100"];

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    workshop.main_data_set()?;
    let (mut series, mut top10, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let mut numbers = serde_json::Map::new();
    let mut labels: Vec<String> = Vec::new();
    let mut turned = 0;
    for (set, path) in workshop.found() {
        let tasks = workshop.tasks(set, &path, Way::Paper)?;
        let Some(edit) = workshop.edit(set, &tasks, Way::Paper)? else { continue };
        let Some((id, _)) = edit.reductions().next() else { continue };
        let removed: Vec<&str> = PAPER_PERCENTAGES.iter().chain(&MORE).copied().collect();
        let (layer, matrix) = (id.layer.to_string(), id.in_layer());
        let name = format!("fig8-{}", set.task);
        let sweep = workshop.sweep(&name, &tasks, &layer, &[&matrix], &removed, &[Kind::Leading])?;
        labels = sweep.rows.iter().map(|row| row.removed.to_string()).collect();
        let best = sweep.rows.iter().map(|row| row.scored.acc).fold(0.0, f64::max);
        let name = format!("{} (L{layer}.{matrix})", set.name);
        series.push(Series::new(&name, sweep.rows.iter().map(|row| Some(100.0 * row.change)).collect()));
        if let Some(base) = sweep.base.top10 {
            let change = |row: &SweepRow| row.scored.top10.map(|share| 100.0 * (share - base));
            top10.push(Series::new(&name, sweep.rows.iter().map(change).collect()));
        }
        let zero = sweep.rows.last().map_or(0.0, |row| row.scored.acc);
        turned += usize::from(best > zero);
        rows.push(vec![
            set.name.to_owned(),
            format!("L{layer}.{matrix}"),
            percent(sweep.base.acc),
            percent(best),
            best_removed(&sweep, best),
            percent(zero),
        ]);
        numbers.insert(set.task.to_owned(), json!(sweep));
    }
    let header = ["data set", "matrix", "unedited", "best", "removed there, %", "matrix removed"];
    let mut text = vec![
        "The matrix is that of the best edit by the paper’s protocol; all items are scored, those that chose it among them. Nothing here \
         proves a gain."
            .to_owned(),
    ];
    text.extend(workshop.missing());
    let plot = |caption: &str, series| {
        LinePlot::new(&PlotData {
            caption: caption.to_owned(),
            x_title: "removed, %".to_owned(),
            x_labels: labels.clone(),
            y_unit: String::new(),
            series,
        })
    };
    let mut plots = vec![plot("Change of the accuracy, points", series)];
    if !top10.is_empty() {
        plots.push(plot("Change of the share of answers among the ten most likely tokens, points", top10));
    }
    Ok(Outcome {
        verdict: format!(
            "On {turned} of {} data sets, the matrix is better in a low rank than not there at all.",
            rows.len()
        ),
        tiles: Vec::new(),
        sections: vec![Section {
            title: "How much can be removed".to_owned(),
            text,
            plots,
            tables: vec![Table { texts: true, ..Table::new("", &header, rows) }],
            ..Section::default()
        }],
        numbers: numbers.into(),
    })
}

/// The largest percentage at which the accuracy is the best.
fn best_removed(sweep: &Sweep, best: f64) -> String {
    let at = sweep.rows.iter().rev().find(|row| row.scored.acc >= best);
    at.map_or_else(String::new, |row| row.removed.to_string())
}
