//! `laser push`: uploads a finished search to the Hugging Face Hub.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use laser::model::parallel::Observer;
use laser::run::RunFolder;
use laser::share::{FinishedRun, REPRODUCTION};
use laser::source::{HubRepository, SourceError, Upload, upload};
use laser::{Session, SharedFolder};
use serde_json::{Value, json};

use crate::args::{Global, Push};
use crate::progress::Progress;
use crate::{output, plan, print};

pub(super) fn run(args: &Push, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let repository = HubRepository::parse(&args.repository)?;
    let run = RunFolder::new(&args.run);
    // Before a model is fetched.
    let finished = FinishedRun::open(&run)?;
    let options = plan::session_options(global, progress)?;
    if !args.dry_run {
        check_access(&repository, &options)?;
    }
    let model = args.model.as_deref().unwrap_or(&finished.results.manifest.model.path);
    let session = Session::open_with(model, options)
        .with_context(|| format!("the model of the search, {model} (--model names another place)"))?;
    output::describe_model(global, &session);
    let place = draft(&args.run, progress)?;
    progress.progress("make the files to upload", 0, 0);
    let shared = session.share(&run, &repository.to_string(), args.with.into(), place.path())?;
    progress.clear();
    shared.notes.iter().for_each(|note| output::say(global, note));
    if args.dry_run {
        return describe(args, global, &repository, &shared);
    }
    let on_sent = |name: &str, done: u64, total: u64| {
        progress.progress(&format!("send {name}"), done as usize, total as usize);
    };
    let job = Upload {
        repository: &repository,
        private: args.private,
        files: &shared.files,
        summary: &args.message,
        on_sent: &on_sent,
    };
    let uploaded = session.options().with_sources(|sources| upload(&job, sources))?;
    progress.finish();
    if global.json {
        let files = files(&shared);
        output::json(&json!({"url": uploaded.url, "commit": uploaded.commit, "files": files}))?;
    } else {
        output::result(&format!("{} files in {}, commit {}", shared.files.len(), uploaded.url, uploaded.commit))?;
    }
    output::say(global, &format!("next: laser reproduce-run {repository}{}", model_flag(&shared)));
    Ok(ExitCode::SUCCESS)
}

/// Refuses an upload that cannot succeed, before the weights are computed.
fn check_access(repository: &HubRepository, options: &laser::SessionOptions) -> Result<()> {
    let repo = repository.to_string();
    if options.offline {
        return Err(SourceError::Offline { repo }.into());
    }
    if options.hub_token.is_none() {
        return Err(SourceError::NoToken { repo }.into());
    }
    Ok(())
}

/// A folder for the files, beside the run, where a whole model has room. It is removed at the end, and by an interruption.
fn draft(run: &std::path::Path, progress: &Progress) -> Result<tempfile::TempDir> {
    progress.writes(&run.join("push"));
    let folder = tempfile::Builder::new().prefix(".push.tmp-").tempdir_in(run);
    folder.with_context(|| format!("{}: no folder can be created in it for the files to upload", run.display()))
}

/// Says what would be uploaded.
fn describe(args: &Push, global: &Global, repository: &HubRepository, shared: &SharedFolder) -> Result<ExitCode> {
    if global.json {
        output::json(&json!({
            "repository": repository.to_string(), "private": args.private, "files": files(shared), "record": shared.record,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["file", "size", "SHA-256"].map(str::to_owned).to_vec()];
    rows.extend(shared.files.iter().map(|file| vec![file.name.clone(), print::size(file.bytes), file.sha256.clone()]));
    let kind = if args.private { "private repository" } else { "repository" };
    output::result(&format!("would be uploaded to the {kind} {repository}:\n\n{}", output::table(&rows)))?;
    output::result(&format!("\n{REPRODUCTION} has the hashes of {} tensors", shared.record.tensors.len()))?;
    Ok(ExitCode::SUCCESS)
}

/// The files as JSON.
fn files(shared: &SharedFolder) -> Vec<Value> {
    let of =
        |file: &laser::source::FileToUpload| json!({"name": file.name, "bytes": file.bytes, "sha256": file.sha256});
    shared.files.iter().map(of).collect()
}

/// The flag that somebody else needs to reproduce the run.
fn model_flag(shared: &SharedFolder) -> &'static str {
    match shared.record.base_model.public_name() {
        Some(_) => "",
        None => " --model BASE_MODEL",
    }
}
