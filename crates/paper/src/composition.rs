//! Figure 4: one matrix after the other, in the paper's order and in the default one.

use laser::page::{LinePlot, PlotData, Section, Series, Table};
use laser::results::Change;
use laser::results::number_format::{interval, percent, points};
use laser::search::GreedyOrder;
use laser::session::ScoredTasks;
use laser::statistics::{Split, group_ids, mean};
use laser::{Edit, EvaluateOptions, Evaluation, Result, SearchOptions};
use serde::Serialize;
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

/// Number of draws of the bootstraps.
const RESAMPLES: usize = 10_000;

/// One step of a composition.
#[derive(Debug, Clone, Serialize)]
struct Step {
    edit: String,
    matrices: usize,
    /// Accuracy on the search split, which chose the steps.
    search_acc: f64,
    /// Accuracy on the test split, which chose nothing.
    test_acc: f64,
    /// Change against the unedited model on the test split.
    change: f64,
    ci95: Option<[f64; 2]>,
}

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    let (set, path) = workshop.main_data_set()?;
    let tasks = workshop.tasks(set, &path, Way::Honest)?;
    let mlp = vec!["fc_in".to_owned(), "fc_out".to_owned()];
    let orders = [
        (
            "from the last layer, as the paper",
            SearchOptions {
                matrices: mlp,
                greedy_order: Some(GreedyOrder::Deep),
                ..workshop.search_options("fig4-deep")
            },
        ),
        ("most promising first, the default", workshop.search_options("fig4-best")),
    ];
    let mut paths = Vec::new();
    for (name, options) in orders {
        let found = workshop.session.search(&tasks, &options)?;
        let mut edits = vec![Edit::default()];
        for step in &found.results.search.steps {
            edits.push(Edit::parse(step, workshop.session.config())?);
        }
        paths.push((name, steps(workshop, &tasks, &edits)?, found.results.best.edit.clone()));
    }
    let longest = paths.iter().map(|(_, steps, _)| steps.len()).max().unwrap_or(0);
    let mut series = Vec::new();
    for (name, steps, _) in &paths {
        let values = |of: &dyn Fn(&Step) -> f64| {
            (0..longest).map(|i| steps.get(i).map(|step| 100.0 * of(step))).collect::<Vec<Option<f64>>>()
        };
        let base = steps[0].test_acc;
        let band = (0..longest).map(|i| {
            let [low, high] = steps.get(i)?.ci95?;
            Some([100.0 * (base + low), 100.0 * (base + high)])
        });
        series.push(Series::new(&format!("{name}: test"), values(&|step| step.test_acc)).with_band(band.collect()));
        series.push(Series::new(&format!("{name}: search, which chose"), values(&|step| step.search_acc)));
    }
    let rows = paths.iter().flat_map(|(name, steps, _)| {
        steps.iter().map(move |step| {
            let interval = interval(step.ci95, points);
            let edit = if step.edit.is_empty() { "unedited".to_owned() } else { step.edit.clone() };
            vec![
                (*name).to_owned(),
                step.matrices.to_string(),
                edit,
                percent(step.search_acc),
                percent(step.test_acc),
                format!("{} ({interval})", points(step.change)),
            ]
        })
    });
    let header = ["order", "matrices", "edit", "search split", "test split", "change on the test split (95 %)"];
    let chosen: Vec<String> = paths.iter().map(|(name, _, edit)| format!("{name}: {edit}")).collect();
    let longer = paths.iter().filter(|(_, steps, _)| steps.len() > 2).count();
    Ok(Outcome {
        verdict: format!(
            "{longer} of 2 compositions have more than one matrix. What the searches propose after the validation split: {}.",
            chosen.join("; ")
        ),
        tiles: Vec::new(),
        sections: vec![Section {
            title: format!("Accuracy along the path ({})", set.name),
            text: vec![
                "Each step adds a matrix or changes one. The search split chose the steps, so that its line shows luck too; the test \
                 split chose nothing, but many steps are shown on it: the last one is not the proof of a search."
                    .to_owned(),
            ],
            plots: vec![LinePlot::new(&PlotData {
                caption: "Accuracy, %; bands: 95 % intervals of the change on the test split".to_owned(),
                x_title: "step".to_owned(),
                x_labels: (0..longest).map(|i| i.to_string()).collect(),
                y_unit: String::new(),
                series,
            })],
            tables: vec![Table { texts: true, ..Table::new("", &header, rows.collect()) }],
            ..Section::default()
        }],
        numbers: json!(paths.iter().map(|(name, steps, chosen)| json!({"order": name, "steps": steps, "proposed": chosen})).collect::<Vec<_>>()),
    })
}

/// Scores of every edit of a path on the search and the test split.
fn steps(workshop: &Workshop<'_>, tasks: &ScoredTasks, edits: &[Edit]) -> Result<Vec<Step>> {
    let mut base: Vec<f64> = Vec::new();
    let mut found = Vec::new();
    for edit in edits {
        let on = |split: Split| {
            let options =
                EvaluateOptions { edit: edit.clone(), split, no_side_effects: true, ..EvaluateOptions::default() };
            workshop.session.evaluate(tasks, &options)
        };
        let (search, test) = (on(Split::Search)?, on(Split::Test)?);
        let right = |of: &Evaluation<'_>| {
            of.outcomes.iter().map(|outcome| f64::from(u8::from(outcome.correct))).collect::<Vec<f64>>()
        };
        let (on_search, on_test) = (right(&search), right(&test));
        if found.is_empty() {
            base.clone_from(&on_test);
        }
        let groups = group_ids(test.samples.iter().map(|sample| sample.group.as_str()));
        let change = Change::measure(&base, &on_test, &groups, RESAMPLES, 0);
        found.push(Step {
            edit: edit.to_string(),
            matrices: edit.n_matrices(),
            search_acc: mean(&on_search).unwrap_or(0.0),
            test_acc: mean(&on_test).unwrap_or(0.0),
            change: change.as_ref().map_or(0.0, |change| change.diff),
            ci95: change.and_then(|change| change.ci95),
        });
    }
    Ok(found)
}
