//! `laser search`: finds the best edit and proves it.

mod dry_run;
mod menu;
mod workers;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use laser::report::markdown_table;
use laser::results::{Results, Verdict};
use laser::run::RunFolder;
use laser::team::{Contribution, Team};
use laser::{CompletedSearch, ScoredTasks, SearchOptions, Session, WrittenForm};

use crate::args::{Global, Search};
use crate::config::Given;
use crate::progress::Progress;
use crate::{host, output, plan};

pub(super) fn run(args: &Search, global: &Global, progress: &Arc<Progress>, given: &Given) -> Result<ExitCode> {
    let begun = Instant::now();
    plan::check_tasks(&args.task)?;
    plan::check_resumed(args.resume, &args.out)?;
    let (session, tasks, options) = prepared(args, global, progress)?;
    if args.dry_run {
        return dry_run::run(&session, &tasks, &options, args, global, progress);
    }
    if let Some(workers) = args.workers {
        drop(session);
        let results = workers::search(workers, args, global, progress, given)?;
        show(&results, args, global)?;
        return Ok(status(&results, args));
    }
    workers::check_alone(&args.out)?;
    if let Some(time) = args.strategy.max_time {
        progress.limit_time(time);
    }
    let is_new = !args.out.exists();
    progress.creates(&args.out);
    progress.when_search_begins(given.writer(&args.out));
    let mut found = completed(session.search(&tasks, &options), args, is_new)?;
    host::record(&mut found.results.manifest, begun, host::command());
    write(&found, &session, args, global, progress)?;
    progress.finish();
    show(&found.results, args, global)?;
    if progress.is_expired() {
        let out = args.out.display();
        output::say(
            global,
            &format!("the time was over before all edits were tried; laser search --resume --out {out} goes on"),
        );
    }
    if !args.no_menu && !global.json && !global.quiet {
        menu::offer(&Outcome { session: &session, found: &found, args, given })?;
    }
    Ok(status(&found.results, args))
}

/// Takes part in the search of a team, as one of its workers. The one that finishes the search writes its folder.
pub(super) fn take_part(
    args: &Search,
    global: &Global,
    progress: &Arc<Progress>,
    given: &Given,
    team: &Team,
) -> Result<ExitCode> {
    let begun = Instant::now();
    let (session, tasks, options) = prepared(args, global, progress)?;
    let Some(mut found) = session.search_in_team(&tasks, &options, team)? else {
        progress.finish();
        output::say(global, &format!("done: another worker finished the search; {}", told(team)));
        return Ok(ExitCode::SUCCESS);
    };
    host::record(&mut found.results.manifest, begun, given.command_line());
    // What a worker left that died while it wrote.
    let _ = std::fs::remove_file(RunFolder::new(&args.out).store());
    write(&found, &session, args, global, progress)?;
    progress.finish();
    output::say(global, &format!("done: wrote {}; {}", args.out.display(), told(team)));
    Ok(ExitCode::SUCCESS)
}

fn told(team: &Team) -> String {
    let Contribution { parts, waited } = team.contribution();
    format!("this worker did {parts} parts, and waited {:.1} s for others", waited.as_secs_f64())
}

/// The session of the model, with tasks and options.
fn prepared(args: &Search, global: &Global, progress: &Arc<Progress>) -> Result<(Session, ScoredTasks, SearchOptions)> {
    let settings = plan::task_settings(&args.task)?;
    let options = plan::search_options(args)?;
    let session = plan::open(&args.model.model, global, progress)?;
    if let Some(path) = &args.write_model {
        session.check_form(path, WrittenForm::of_path(path)).map_err(of_model)?;
    }
    let tasks = session.tasks(&settings)?;
    output::describe_tasks(global, &session, &tasks);
    Ok((session, tasks, options))
}

/// Writes the run folder and, if it is asked for, the edited model.
fn write(
    found: &CompletedSearch,
    session: &Session,
    args: &Search,
    global: &Global,
    progress: &Progress,
) -> Result<()> {
    found.write_run(&args.out)?;
    if let Some(path) = args.write_model.as_ref().filter(|_| !found.edit().is_empty()) {
        progress.writes(path);
        let written = found
            .apply(session)?
            .write_form(path, WrittenForm::of_path(path))
            .map_err(of_model)
            .with_context(|| format!("writing {}", path.display()))?;
        written.notes.iter().for_each(|note| output::say(global, note));
        output::say(global, &format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Prints results, and what to do next.
fn show(results: &Results, args: &Search, global: &Global) -> Result<()> {
    if global.json {
        output::json(results)?;
    } else {
        output::result(&markdown_table(results))?;
        output::result(&format!("\n{}", results.reason))?;
    }
    output::say(global, &format!("wrote {} (report.html, recipe.yaml, results.json)", args.out.display()));
    if let Some(path) = args.write_model.as_ref().filter(|_| !results.proposes_edit()) {
        output::say(global, &format!("no edit is proposed: {} is not written", path.display()));
    }
    for command in next_commands(args, results) {
        output::say(global, &command);
    }
    Ok(())
}

/// The exit code of results: 1 where a guard does not hold, or a gain was required and is not proved.
fn status(results: &Results, args: &Search) -> ExitCode {
    if !results.keeps_guards() {
        output::line("exit status 1: a guard is broken on the test split");
        return ExitCode::from(1);
    }
    if args.require_gain && results.verdict != Verdict::Gain {
        output::line(&format!("exit status 1: a gain was required, and the verdict is {}", results.verdict));
        return ExitCode::from(1);
    }
    ExitCode::SUCCESS
}

/// A finished search with everything that a user may want to do next.
struct Outcome<'a> {
    session: &'a Session,
    found: &'a CompletedSearch,
    args: &'a Search,
    given: &'a Given,
}

/// Commands that a user may run after a search.
fn next_commands(args: &Search, results: &Results) -> Vec<String> {
    let (model, out) = (&args.model.model, args.out.display());
    if !results.proposes_edit() {
        return Vec::new();
    }
    let written = if model.ends_with(".gguf") || model.starts_with("pypi:") { "better.gguf" } else { "better" };
    let mut commands = vec![format!("next: laser ask {model} --edit {out}/recipe.yaml")];
    if args.write_model.is_none() {
        commands.push(format!("      laser apply {model} --edit {out}/recipe.yaml --out {written}"));
    }
    commands
}

/// Names the flag of the written model where the library speaks of the target, which `--out` is for other commands.
fn of_model(error: laser::Error) -> anyhow::Error {
    match error.as_setting() {
        Some(("out", problem)) => anyhow!("--write-model: {problem}"),
        _ => error.into(),
    }
}

/// Tells how to continue, where a search ended early or the folder holds one.
fn completed(search: laser::Result<CompletedSearch>, args: &Search, is_new: bool) -> Result<CompletedSearch> {
    let out = args.out.display();
    search.map_err(|error| match error {
        laser::Error::Interrupted => match RunFolder::new(&args.out).has_trials() {
            false => {
                if is_new {
                    // Nothing in it would be missed.
                    let _ = std::fs::remove_dir_all(&args.out);
                }
                anyhow!("interrupted before the first trial")
            }
            true => anyhow!(
                "interrupted: {out} keeps the trials that ended; laser search --resume --out {out} continues them"
            ),
        },
        laser::Error::RunExists { .. } => anyhow!("{error}; --resume continues that run"),
        other => other.into(),
    })
}
