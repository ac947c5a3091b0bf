//! `laser report`: renders the report of a search, a sweep or an explanation again.

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
    if let Some((explanation, questions)) = run.explanation()? {
        run.write_explanation(&explanation, &questions)?;
        match global.json {
            true => output::json(&explanation)?,
            false => output::result(&explanation.page(&questions).markdown())?,
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
