//! `laser report`: renders a search's report again.

use std::process::ExitCode;

use anyhow::Result;
use laser::report::markdown_table;
use laser::run::RunFolder;

use crate::args::Report;
use crate::output;

pub(super) fn run(args: &Report) -> Result<ExitCode> {
    let run = RunFolder::new(&args.run);
    run.write_report()?;
    output::result(&markdown_table(&run.results()?))?;
    output::say(&format!("wrote {}", run.report().display()));
    Ok(ExitCode::SUCCESS)
}
