//! `laser report`: renders the report of a search, a sweep, an explanation or a relation to frequency again.

use std::process::ExitCode;

use anyhow::Result;
use laser::report::markdown_table;
use laser::run::RunFolder;
use serde::Serialize;

use crate::args::{Global, Report};
use crate::output;

pub(super) fn run(args: &Report, global: &Global) -> Result<ExitCode> {
    let run = RunFolder::new(&args.run);
    if let Some(sweep) = run.sweep()? {
        run.write_sweep(&sweep)?;
        show(global, &sweep, || sweep.page().markdown())?;
    } else if let Some((explanation, questions)) = run.explanation()? {
        run.write_explanation(&explanation, &questions)?;
        show(global, &explanation, || explanation.page(&questions).markdown())?;
    } else if let Some(explanation) = run.prompt_explanation()? {
        run.write_prompt_explanation(&explanation)?;
        show(global, &explanation, || explanation.page().markdown())?;
    } else if let Some(relation) = run.frequency()? {
        run.write_frequency(&relation)?;
        show(global, &relation, || relation.page().markdown())?;
    } else {
        run.write_report()?.iter().for_each(|lack| output::say(global, lack));
        let results = run.results()?;
        show(global, &results, || markdown_table(&results))?;
    }
    output::say(global, &format!("wrote {}", run.report().display()));
    Ok(ExitCode::SUCCESS)
}

/// Prints the document as JSON if that is asked for, else its text.
fn show(global: &Global, document: &impl Serialize, text: impl Fn() -> String) -> Result<()> {
    if global.json { output::json(document) } else { output::result(&text()) }
}
