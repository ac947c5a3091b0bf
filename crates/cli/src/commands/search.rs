//! `laser search`: finds the best edit and proves it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use laser::CompletedSearch;
use laser::report::markdown_table;
use laser::results::Verdict;

use crate::args::{Global, Search};
use crate::progress::Progress;
use crate::{host, output, plan};

pub(super) fn run(args: &Search, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let begun = Instant::now();
    plan::check_tasks(&args.task)?;
    let settings = plan::task_settings(&args.task)?;
    let options = plan::search_options(args)?;
    let session = plan::open(&args.model.model, global, progress)?;
    if let Some(path) = &args.write_model {
        session.check_target(path).map_err(of_model)?;
    }
    let tasks = session.tasks(&settings)?;
    output::describe_tasks(global, &session, &tasks);
    if let Some(time) = args.strategy.max_time {
        progress.expire_in(time);
    }
    let mut found = completed(session.search(&tasks, &options), args)?;
    host::record(&mut found.results.manifest, begun);
    found.write_run(&args.out)?;
    if let Some(path) = args.write_model.as_ref().filter(|_| !found.edit().is_empty()) {
        let written = found
            .apply(&session)?
            .write(path)
            .map_err(of_model)
            .with_context(|| format!("writing {}", path.display()))?;
        written.notes.iter().for_each(|note| output::say(global, note));
        output::say(global, &format!("wrote {}", path.display()));
    }
    progress.finish();
    if global.json {
        output::json(&found.results)?;
    } else {
        output::result(&markdown_table(&found.results))?;
        output::result(&format!("\n{}", found.verdict()))?;
    }
    output::say(global, &format!("wrote {} (report.html, recipe.yaml, results.json)", args.out.display()));
    if let Some(path) = args.write_model.as_ref().filter(|_| found.edit().is_empty()) {
        output::say(global, &format!("no edit is proposed: {} is not written", path.display()));
    }
    let results = &found.results;
    if !results.keeps_guards() {
        output::say(global, "exit status 1: a guard is broken on the test split");
        return Ok(ExitCode::from(1));
    }
    if args.require_gain && results.verdict != Verdict::Gain {
        output::say(global, &format!("exit status 1: a gain was required, and the verdict is {}", results.verdict));
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

/// Names the flag of the written model where the library speaks of the target, which `--out` is for other commands.
fn of_model(error: laser::Error) -> anyhow::Error {
    match error.as_setting() {
        Some(("out", problem)) => anyhow!("--write-model: {problem}"),
        _ => error.into(),
    }
}

/// Tells how to continue, where a search ended early or the folder holds one.
fn completed(search: laser::Result<CompletedSearch>, args: &Search) -> Result<CompletedSearch> {
    let out = args.out.display();
    search.map_err(|error| match error {
        laser::Error::Interrupted => anyhow!("interrupted: {out} keeps the trials that ended; --resume continues them"),
        laser::Error::Run { .. } if !args.resume => anyhow!("{error}; --resume continues that run"),
        other => other.into(),
    })
}
