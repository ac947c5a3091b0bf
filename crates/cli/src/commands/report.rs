//! `laser report`: renders the report of a search or a sweep again.

use std::process::ExitCode;

use anyhow::Result;
use laser::report::markdown_table;
use laser::run::RunFolder;

use crate::args::{Global, Report};
use crate::output;

pub(super) fn run(args: &Report, global: &Global) -> Result<ExitCode> {
    let run = RunFolder::new(&args.run);
    if let Some(sweep) = run.sweep()? {
        run.write_sweep(&sweep)?;
        match global.json {
            true => output::json(&sweep)?,
            false => output::result(&sweep.page().markdown())?,
        }
        output::say(global, &format!("wrote {}", run.report().display()));
        return Ok(ExitCode::SUCCESS);
    }
    run.write_report()?;
    let results = run.results()?;
    if global.json {
        output::json(&results)?
    } else {
        output::result(&markdown_table(&results))?
    }
    output::say(global, &format!("wrote {}", run.report().display()));
    Ok(ExitCode::SUCCESS)
}
