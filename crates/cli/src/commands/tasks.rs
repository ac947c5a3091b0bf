//! `laser tasks`: what can be asked without a file of one's own.

use std::process::ExitCode;

use anyhow::Result;
use laser::task::BUILT_IN;
use serde_json::json;

use crate::args::Global;
use crate::output;

pub(super) fn run(global: &Global) -> Result<ExitCode> {
    if global.json {
        let tasks: Vec<_> = BUILT_IN
            .iter()
            .map(|t| {
                json!({"name": t.name, "about": t.about, "source": t.source, "licence": t.licence,
                    "needs_data": t.needs_data, "hub": t.hub.map(|hub| json!({
                        "repo": hub.repo, "revision": hub.revision, "files": hub.files}))})
            })
            .collect();
        output::json(&tasks)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["task", "what it asks", "data", "licence"].map(str::to_owned).to_vec()];
    for t in BUILT_IN {
        let source = if t.needs_data { format!("--data FILE: {}", t.source) } else { t.source.to_owned() };
        rows.push(vec![t.name.to_owned(), t.about.to_owned(), source, t.licence.to_owned()]);
    }
    output::result(&output::table(&rows))?;
    output::result(
        "\nor a JSON, JSONL, CSV, TSV or Parquet file of your own with the fields question and answer, or question, \
         choices and gold",
    )?;
    Ok(ExitCode::SUCCESS)
}
