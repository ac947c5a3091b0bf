//! `laser worker`: takes part in a search that several processes share through its run folder.

mod manifest;
mod member;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use laser::run::RunFolder;
use laser::team::Team;

use self::member::Launch;
use crate::args::{Global, Worker};
use crate::progress::Progress;
use crate::{config, output};

pub(super) fn run(args: &Worker, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    if args.manifest.is_some() {
        output::result(&manifest::kubernetes(args)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = args.run.join(config::RUN_SETTINGS);
    if !settings.exists() {
        bail!(
            "{}: expected the folder of a search, found no {}; laser search … --workers local:{} --out DIR makes one and starts its \
             workers",
            args.run.display(),
            config::RUN_SETTINGS,
            args.workers
        );
    }
    if RunFolder::new(&args.run).has_results() {
        output::say(global, &format!("the search in {} is done", args.run.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let launch = Launch::of_environment();
    let words = ["laser", "search", "--resume", "--no-menu", "--out"].map(OsString::from);
    let (search, given) = config::search_of(words.into_iter().chain([args.run.clone().into_os_string()]).collect())?;
    let global = Global { threads: global.threads.or(launch.threads), ..global.clone() };
    let member = launch.member(args, progress)?;
    output::say(&global, &format!("worker {}", member.name));
    let team = Team::join(&args.run, RunFolder::new(&args.run).results_file(), member)?;
    super::search::take_part(&search, &global, progress, &given, &team).map_err(|error| match error.downcast_ref() {
        Some(laser::Error::Interrupted) => error.context(format!(
            "stopped as asked: other workers go on, and `laser worker {}` takes part again",
            args.run.display()
        )),
        _ => error,
    })
}
