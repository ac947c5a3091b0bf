//! `laser reproduce-run`: makes a shared edit again and compares it with its record.

mod evidence;
mod search_again;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use laser::Session;
use laser::share::{Check, DELTA, Outcome, checks_of_files};
use serde_json::json;

use crate::args::{Global, ReproduceRun};
use crate::progress::Progress;
use crate::{output, plan};
use evidence::Evidence;

pub(super) fn run(args: &ReproduceRun, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let options = plan::session_options(global, progress)?;
    let evidence = Evidence::find(&args.from, &options)?;
    evidence.notes.iter().for_each(|note| output::say(global, note));
    let record = &evidence.record;
    if record.tool_version != env!("CARGO_PKG_VERSION") {
        let (then, now) = (&record.tool_version, env!("CARGO_PKG_VERSION"));
        output::say(
            global,
            &format!("the record is of Laser {then}, this is {now}: results may differ for that reason"),
        );
    }
    let model = args.model.as_deref().or(evidence.model.as_deref()).ok_or_else(|| {
        anyhow!(
            "--model: needed, because the base model {} was a place on its author's machine; its files have the SHA-256 {}",
            record.base_model.source,
            record.base_model.sha256
        )
    })?;
    let session = Session::open_with(model, options).with_context(|| format!("the base model, {model}"))?;
    output::describe_model(global, &session);
    let delta = evidence.file(DELTA);
    let mut checks =
        evidence.folder.as_deref().map(|folder| checks_of_files(record, folder)).transpose()?.unwrap_or_default();
    checks.extend(session.rebuild(record, delta.as_deref())?);
    if args.search {
        checks.push(search_again::run(args, model, &session, &evidence, global, progress)?);
    }
    progress.finish();
    show(global, &checks)
}

/// Prints the checks; the exit status is 1 if something differs.
fn show(global: &Global, checks: &[Check]) -> Result<ExitCode> {
    let differing: Vec<&str> =
        checks.iter().filter(|check| check.outcome == Outcome::Differs).map(|check| check.of.as_str()).collect();
    if global.json {
        output::json(&json!({"same": differing.is_empty(), "checks": checks}))?;
    } else {
        let mut rows = vec![["checked", "outcome", ""].map(str::to_owned).to_vec()];
        rows.extend(
            checks.iter().map(|check| vec![check.of.clone(), check.outcome.name().to_owned(), check.detail.clone()]),
        );
        output::result(&output::table(&rows))?;
    }
    if differing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("exit status 1: different from the record: {}", differing.join("; ")));
    Ok(ExitCode::from(1))
}
