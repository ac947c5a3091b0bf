//! `laser report`: renders a search's report again.

use std::process::ExitCode;

use anyhow::Result;
use laser::report::markdown_table;
use laser::run::RunFolder;

use crate::args::{Global, Report};
use crate::output;

pub(super) fn run(args: &Report, global: &Global) -> Result<ExitCode> {
    let run = RunFolder::new(&args.run);
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
