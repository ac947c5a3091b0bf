//! `laser tasks` lists the built-in tasks; `laser tasks show NAME` prints one with its prompts and scores, or what a file of
//! questions is read as.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use laser::model::ModelKind;
use laser::session::SOKOBAN;
use laser::task::built_in::{BUILT_IN, TaskInfo};
use laser::task::options::{Profile, TaskOptions};
use laser::task::score::Score;
use laser::task::{Questions, Task};
use serde_json::{Value, json};

use crate::args::{Global, QuestionArgs, Tasks, TasksCommand};
use crate::print::{self, Form};
use crate::{output, plan};

pub(super) fn run(args: &Tasks, global: &Global) -> Result<ExitCode> {
    match &args.command {
        None => list(global)?,
        Some(TasksCommand::Show { name, questions, skip_bad }) => {
            let is_built_in = name == SOKOBAN || TaskInfo::named(name).is_some();
            match questions.settings().given().first() {
                Some((setting, _)) if is_built_in => bail!("--{setting}: only files of questions have it, not {name}"),
                _ if is_built_in => show(name, global)?,
                _ => show_file(name, questions, *skip_bad, global)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The task whose items are no texts, in the words of the list: what it asks, its data, and their licence.
const SOKOBAN_ROW: [&str; 3] = [
    "levels that a Decision Transformer plays (docs/sokoban.md): solved within its moves, or not",
    "a folder that laser lab sokoban levels makes",
    "of their source",
];

fn list(global: &Global) -> Result<()> {
    let [about, source, licence] = SOKOBAN_ROW;
    if global.json {
        let mut records: Vec<Value> = BUILT_IN.iter().map(record).collect();
        records.push(sokoban_record());
        return output::json(&records);
    }
    let mut rows = vec![["task", "items", "what it asks", "data", "licence"].map(str::to_owned).to_vec()];
    for t in BUILT_IN {
        let source = if t.needs_data { format!("--data PATH: {}", t.source) } else { t.source.to_owned() };
        rows.push(vec![t.name.to_owned(), t.size.to_string(), t.about.to_owned(), source, t.licence.to_owned()]);
    }
    let data = format!("--data DIR: {source}");
    rows.push([SOKOBAN, "any", about, data.as_str(), licence].map(str::to_owned).to_vec());
    output::result(&output::table(&rows))?;
    output::result(
        "\nor a JSON, JSONL, CSV, TSV or Parquet file of your own: laser tasks show FILE prints what each field becomes, \
         laser tasks show NAME a task's prompts and scores",
    )
}

/// Description of a task, without its prompts.
fn record(t: &TaskInfo) -> Value {
    let hub = t.hub.map(|hub| json!({"repo": hub.repo, "revision": hub.revision, "files": hub.files}));
    json!({"name": t.name, "about": t.about, "source": t.source, "licence": t.licence, "size": t.size,
        "needs_data": t.needs_data, "hub": hub, "quirks": t.quirks})
}

fn sokoban_record() -> Value {
    let [about, source, licence] = SOKOBAN_ROW;
    json!({"name": SOKOBAN, "about": about, "source": source, "licence": licence, "size": null, "needs_data": true,
        "hub": null, "quirks": []})
}

/// Prints what the fields of a file became, and its first items; of a YAML task, the items alone.
fn show_file(name: &str, questions: &QuestionArgs, skip_bad: bool, global: &Global) -> Result<()> {
    Task::check_name(name, &[])?;
    let input = plan::standard_input(&[name.to_owned()])?;
    let settings = questions.settings();
    let options = TaskOptions { skip_bad, questions: &settings, input: input.as_deref(), ..TaskOptions::default() };
    let (task, reading) = if Task::is_own(name, &[])? {
        let questions = Questions::open(Path::new(name), &options)?;
        if !global.json {
            output::result(&format!("{}\n", print::reading(&questions)))?;
        }
        (questions.task, Some(questions.reading))
    } else {
        (Task::open(name, None, &options)?, None)
    };
    task.skipped.iter().for_each(|row| output::say(global, &format!("left out: {row}")));
    match global.json {
        true => output::json(&print::items_json(&task, reading.as_ref())),
        false => output::result(&print::items(&task)),
    }
}

fn show(name: &str, global: &Global) -> Result<()> {
    if name == SOKOBAN {
        if global.json {
            return output::json(&sokoban_record());
        }
        let [about, source, licence] = SOKOBAN_ROW;
        return output::result(&format!(
            "{name}: {about}\n\ndata     with --data DIR from {source}\nlicence  {licence}"
        ));
    }
    let Some(info) = TaskInfo::named(name) else { bail!("{name}: no such task") };
    let mut forms: Vec<Form> = Vec::new();
    for profile in [Profile::Clean, Profile::Paper] {
        for kind in [ModelKind::Causal, ModelKind::Masked] {
            let task = info.example_task(&TaskOptions { profile, kind, ..TaskOptions::default() })?;
            // A model that fills masks has no perplexity.
            if matches!((kind, task.default_score), (ModelKind::Masked, Score::Perplexity { .. })) {
                continue;
            }
            let form = Form::new(&task, profile, kind);
            match forms.iter_mut().find(|known| known.is_as(&form)) {
                Some(known) => known.profiles.push(profile),
                None => forms.push(form),
            }
        }
    }
    if global.json {
        let mut record = record(info);
        record["prompts"] = forms.iter().map(Form::json).collect();
        return output::json(&record);
    }
    let place = if info.needs_data { "with --data PATH from" } else { "inside laser:" };
    output::result(&format!("{name}: {}\n", info.about))?;
    output::result(&format!("data     {place} {}", info.source))?;
    if let Some(hub) = info.hub {
        output::result(&format!("hub      {} at {}: {}", hub.repo, hub.revision, hub.files.join(", ")))?;
    }
    output::result(&format!("licence  {}", info.licence))?;
    output::result(&format!("items    {}", info.size))?;
    for form in &forms {
        output::result(&format!("\n{}", form.text()))?;
    }
    output::result("\nwhat `paper` does differently")?;
    info.quirks.iter().try_for_each(|quirk| output::result(&format!("- {quirk}")))
}
