//! Section 5.1: how many facts are right in all wordings, before and after, and among those that were right already.

use std::collections::BTreeMap;

use laser::page::{Section, Table, Tile};
use laser::results::Change;
use laser::results::number_format::{interval, percent, points};
use laser::session::ScoredTasks;
use laser::statistics::{Split, group_ids};
use laser::{Edit, EvaluateOptions, Result};
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

/// A task that ships with three wordings of each fact, for data without paraphrases.
const OTHER_TASK: &str = "world-facts";
/// Number of draws of the bootstrap.
const RESAMPLES: usize = 10_000;

/// A fact in all its wordings.
#[derive(Debug, Default)]
struct Fact {
    group: String,
    /// Right without and with the edit, of each wording in the order of the items; the first is the original one.
    right: Vec<[bool; 2]>,
}

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    let (name, tasks, edit) = subject(workshop)?;
    let Some(edit) = edit else {
        return Ok(Outcome::without_edit());
    };
    let facts = facts(workshop, &tasks, &edit)?;
    let all = |fact: &Fact, model: usize| fact.right.iter().all(|right| right[model]);
    let share =
        |of: &[&Fact], model: usize| of.iter().filter(|fact| all(fact, model)).count() as f64 / of.len().max(1) as f64;
    let everyone: Vec<&Fact> = facts.iter().collect();
    let already: Vec<&Fact> = facts.iter().filter(|fact| fact.right[0][0]).collect();
    let change = |of: &[&Fact]| {
        let whole = |model: usize| of.iter().map(|fact| f64::from(u8::from(all(fact, model)))).collect::<Vec<f64>>();
        let groups = group_ids(of.iter().map(|fact| fact.group.as_str()));
        Change::measure(&whole(0), &whole(1), &groups, RESAMPLES, 0).unwrap_or(Change { diff: 0.0, ci95: None })
    };
    let rows: Vec<(&str, &[&Fact])> =
        vec![("all facts", &everyone), ("facts right already in the first wording", &already)];
    let text = |(name, of): &(&str, &[&Fact])| {
        let Change { diff, ci95 } = change(of);
        let interval = interval(ci95, points);
        vec![
            (*name).to_owned(),
            of.len().to_string(),
            percent(share(of, 0)),
            percent(share(of, 1)),
            format!("{} ({interval})", points(diff)),
        ]
    };
    let Change { diff, ci95 } = change(&already);
    let header = ["facts", "number", "all wordings right before", "after", "change, points (95 %)"];
    let numbers = rows.iter().map(|(name, of)| {
        let Change { diff, ci95 } = change(of);
        json!({"facts": name, "n": of.len(), "before": share(of, 0), "after": share(of, 1), "change": diff, "ci95": ci95})
    });
    Ok(Outcome {
        verdict: format!(
            "With {edit}, the share of facts with all wordings right changes by {} points among those that were right already.",
            points(diff)
        ),
        tiles: vec![Tile {
            name: "among right ones".to_owned(),
            value: format!("{} points", points(diff)),
            remark: ci95.map_or_else(String::new, |[low, high]| format!("95 % {} to {}", points(low), points(high))),
        }],
        sections: vec![Section {
            title: format!("Facts with all wordings right ({name}, test split)"),
            text: vec![
                "Items that helped to choose the edit are left out. A fact that was right already in one wording can only lose there: \
                 the second row says how many of them are right in all wordings, not that they became better."
                    .to_owned(),
            ],
            tables: vec![Table::new("", &header, rows.iter().map(text).collect())],
            ..Section::default()
        }],
        numbers: json!({"task": name, "edit": edit.to_string(), "rows": numbers.collect::<Vec<_>>()}),
    })
}

/// The task with several wordings a fact, and the edit: that of the main data set if it has paraphrases.
fn subject(workshop: &Workshop<'_>) -> Result<(String, ScoredTasks, Option<Edit>)> {
    if let Ok((set, path)) = workshop.main_data_set() {
        let tasks = workshop.tasks(set, &path, Way::Honest)?;
        let wordings = |tasks: &ScoredTasks| {
            let keys: Vec<_> = tasks.iter().flat_map(|(task, _)| task.items.iter().map(key)).collect();
            let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
            distinct.len() < keys.len()
        };
        if set.task == "counterfact" && wordings(&tasks) {
            let edit = workshop.edit(set, &tasks, Way::Honest)?;
            return Ok((set.name.to_owned(), tasks, edit));
        }
    }
    let tasks = workshop.named_tasks(OTHER_TASK, None, Way::Honest)?;
    let edit = match &workshop.options.edit {
        Some(edit) => Some(edit.clone()),
        None => {
            let found = workshop.session.search(&tasks, &workshop.search_options(OTHER_TASK))?;
            (!found.edit().is_empty()).then(|| found.edit().clone())
        }
    };
    Ok((OTHER_TASK.to_owned(), tasks, edit))
}

/// The identity of a fact: items with equal ones are its wordings.
fn key(item: &laser::task::Item) -> (String, String, String) {
    (item.relation.clone(), item.group.clone(), item.target().to_owned())
}

/// The facts of the test split with the answers of both models.
fn facts(workshop: &Workshop<'_>, tasks: &ScoredTasks, edit: &Edit) -> Result<Vec<Fact>> {
    let evaluate = |edit: Edit| {
        let options = EvaluateOptions { edit, split: Split::Test, no_side_effects: true, ..EvaluateOptions::default() };
        workshop.session.evaluate(tasks, &options)
    };
    let (base, edited) = (evaluate(Edit::default())?, evaluate(edit.clone())?);
    let mut facts: BTreeMap<(String, String, String), Fact> = BTreeMap::new();
    let items: Vec<_> = tasks.iter().flat_map(|(task, _)| task.items.iter()).collect();
    for (sample, (before, after)) in base.samples.iter().zip(base.outcomes.iter().zip(&edited.outcomes)) {
        let fact = facts.entry(key(items[sample.doc_id])).or_default();
        fact.group.clone_from(&sample.group);
        fact.right.push([before.correct, after.correct]);
    }
    Ok(facts.into_values().filter(|fact| fact.right.len() > 1).collect())
}
