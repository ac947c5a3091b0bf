//! `laser sweep`: measures every reduction of every matrix, and chooses none.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use laser::run::RunFolder;

use crate::args::{Global, Sweep};
use crate::config::Given;
use crate::progress::Progress;
use crate::{output, plan};

pub(super) fn run(args: &Sweep, global: &Global, progress: &Arc<Progress>, given: &Given) -> Result<ExitCode> {
    plan::check_tasks(&args.task)?;
    plan::check_resumed(args.resume, &args.out)?;
    let settings = plan::task_settings(&args.task)?;
    let options = plan::sweep_options(args)?;
    let session = plan::open(&args.model.model, global, progress)?;
    let tasks = session.tasks(&settings)?;
    output::describe_tasks(global, &session, &tasks);
    let out = args.out.display();
    progress.creates(&args.out);
    progress.when_search_begins(given.writer(&args.out));
    let sweep = session.sweep(&tasks, &options).map_err(|error| match error {
        laser::Error::Interrupted => {
            anyhow!("interrupted: {out} keeps the edits that were scored; laser sweep --resume --out {out} continues")
        }
        laser::Error::RunExists { .. } => anyhow!("{error}; --resume continues that sweep"),
        other => other.into(),
    })?;
    RunFolder::new(&args.out).write_sweep(&sweep)?;
    progress.finish();
    if global.json {
        output::json(&sweep)?;
    } else {
        output::result(&sweep.page().markdown())?;
    }
    output::say(global, &format!("wrote {out} (report.html, sweep.json, sweep.csv)"));
    Ok(ExitCode::SUCCESS)
}
