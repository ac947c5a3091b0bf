//! A file of questions, as `laser tasks show FILE` prints it: what each field became, and the first items as a model sees them.

use laser::task::questions::{Questions, Reading};
use laser::task::{Item, Task};
use serde_json::{Value, json};

use super::task_form::in_words;
/// Number of items that are shown.
const SHOWN: usize = 3;

/// The first lines: how many items, and what each field became.
pub(crate) fn reading(questions: &Questions) -> String {
    let Questions { task, reading } = questions;
    let mut text = format!("{}: {}", task.name, counted(task.items.len(), "item"));
    if !task.skipped.is_empty() {
        text += &format!(", {} left out", counted(task.skipped.len(), "row"));
    }
    for layout in &reading.layouts {
        text += &format!("\n\nread as \"{}\" ({})\n", layout.name, counted(layout.records, "record"));
        let rows: Vec<Vec<String>> = layout
            .fields
            .iter()
            .map(|field| vec![format!("  {}", field.name), field.part.words().to_owned()])
            .collect();
        text += &lines(&rows);
    }
    for (name, names) in [("not read", &reading.unread), ("beside the list of records", &reading.beside)] {
        if !names.is_empty() {
            text += &format!("\n{name}: {}", names.join(", "));
        }
    }
    text
}

/// Rows as aligned lines, each with its end.
fn lines(rows: &[Vec<String>]) -> String {
    let width = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
    rows.iter().map(|row| format!("{}{}  {}\n", row[0], " ".repeat(width - row[0].chars().count()), row[1])).collect()
}

fn counted(n: usize, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

/// The first items, with the gold answer in brackets where a model continues.
pub(crate) fn items(task: &Task) -> String {
    let mut text = format!("score: {}", in_words(task.default_score));
    for item in task.items.iter().take(SHOWN) {
        text += &format!("\n\n{}\n{}", title(item), indented(&with_answer(task, item)));
        if !item.choices.is_empty() {
            text += "\n  choices:";
            for (i, choice) in item.choices.iter().enumerate() {
                let mark = if i == item.gold { "*" } else { " " };
                text += &format!("\n  {mark} {}", choice.replace('\n', "\n    "));
            }
        } else if item.answers.len() > 1 {
            text += &format!("\n  or: {}", item.answers[1..].join(" | "));
        }
    }
    text
}

fn title(item: &Item) -> String {
    let place = item.place.map_or_else(String::new, |place| format!(" ({place})"));
    let group = if item.group == item.id { String::new() } else { format!(", group `{}`", item.group) };
    format!("item `{}`{place}{group}", item.id)
}

/// Prompt and gold answer, as a causal model reads them.
fn with_answer(task: &Task, item: &Item) -> String {
    format!("{}{}[{}]", item.prompt, task.delimiter(item), item.target())
}

fn indented(text: &str) -> String {
    text.split('\n').map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// The same for machines.
pub(crate) fn json(task: &Task, reading: Option<&Reading>) -> Value {
    let item = |item: &Item| {
        json!({"id": item.id, "group": item.group, "place": item.place.map(|place| place.to_string()),
            "prompt": item.prompt, "delimiter": task.delimiter(item), "answers": item.answers,
            "choices": item.choices, "gold": if item.choices.is_empty() { Value::Null } else { item.gold.into() }})
    };
    let mut value = json!({"name": task.name, "items": task.items.len(), "skipped": task.skipped, "notes": task.notes,
        "score": task.default_score, "first": task.items.iter().take(SHOWN).map(item).collect::<Vec<_>>()});
    if let Some(reading) = reading {
        let layouts = reading.layouts.iter().map(|layout| {
            let fields: serde_json::Map<String, Value> =
                layout.fields.iter().map(|field| (field.name.clone(), field.part.words().into())).collect();
            json!({"name": layout.name, "records": layout.records, "fields": fields})
        });
        value["layouts"] = layouts.collect();
        value["not_read"] = reading.unread.clone().into();
        value["beside_the_records"] = reading.beside.clone().into();
    }
    value
}
