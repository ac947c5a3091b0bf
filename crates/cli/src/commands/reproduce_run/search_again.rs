//! The recorded search, run again with its settings.

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{CommandFactory, FromArgMatches};
use laser::checkpoint::write_atomically;
use laser::share::{Check, RESULTS, differing_keys, settled, settled_sha256};
use laser::{SearchOptions, Session};
use serde_json::Value;

use super::evidence::Evidence;
use crate::args::{Arguments, Command, Global, ReproduceRun, Search};
use crate::progress::Progress;
use crate::{config, output, plan};

/// Name of the check.
const RESULTS_AGAIN: &str = "results of the search, run again";

/// Runs the search, and compares its results with the recorded ones.
pub(super) fn run(
    args: &ReproduceRun,
    model: &str,
    session: &Session,
    evidence: &Evidence,
    global: &Global,
    progress: &Arc<Progress>,
) -> Result<Check> {
    let record = &evidence.record;
    let settings = record.settings.as_ref().ok_or_else(|| {
        anyhow!("--search: the record has no settings of the search, as of a run that the command line did not start")
    })?;
    let search = arguments(settings, args, model)?;
    let task_settings =
        plan::task_settings(&search.task).context("the tasks of the search (--task and --data name other places)")?;
    let tasks =
        session.tasks(&task_settings).context("the tasks of the search (--task and --data name other places)")?;
    output::describe_tasks(global, session, &tasks);
    let found = tasks.iter().map(|(task, _)| task.sha256()).collect::<Vec<_>>().join(",");
    if found != record.task.sha256 {
        let detail =
            format!("not run, because the items are others: expected SHA-256 {}, found {found}", record.task.sha256);
        return Ok(Check::differs(RESULTS_AGAIN, detail));
    }
    if let Some(time) = search.strategy.max_time {
        output::say(global, "the search was bounded by time, so that it may try other edits on another machine");
        progress.limit_time(time);
    }
    let options = SearchOptions { run: None, resume: false, ..plan::search_options(&search)? };
    let again = session.search(&tasks, &options)?;
    // By way of text, as the recorded results came, so that numbers are rounded alike.
    let again: Value = serde_json::from_str(&serde_json::to_string(&again.results)?)?;
    let check = Check::of_sha256(RESULTS_AGAIN, &record.results_sha256, &settled_sha256(&again));
    let recorded = evidence.file(RESULTS).map(std::fs::read_to_string).transpose()?;
    let recorded: Option<Value> = recorded.and_then(|text| serde_json::from_str(&text).ok());
    let keys = recorded.map(|recorded| differing_keys(&settled(&recorded), &settled(&again))).unwrap_or_default();
    Ok(match keys.is_empty() {
        true => check,
        false => Check::differs(RESULTS_AGAIN, format!("other values at {}", keys.join(", "))),
    })
}

/// The arguments that the settings of a run stand for, with the model and the places of the tasks that are known here.
fn arguments(settings: &Value, args: &ReproduceRun, model: &str) -> Result<Box<Search>> {
    let folder = tempfile::tempdir().context("a temporary folder for the settings")?;
    let file = folder.path().join(config::RUN_SETTINGS);
    write_atomically(&file, serde_yaml_ng::to_string(settings)?.as_bytes())?;
    let mut words: Vec<OsString> = vec!["laser".into(), "search".into(), model.into(), "--config".into(), file.into()];
    for (flag, value) in [("--task", &args.task), ("--data", &args.data)] {
        words.extend(value.iter().flat_map(|value| [flag.into(), value.into()]));
    }
    let mut command = Arguments::command();
    command.build();
    let words = config::expand(&command, words).context("the settings in the record")?;
    let matches =
        command.try_get_matches_from(words).map_err(|error| anyhow!("the settings in the record: {error}"))?;
    match Arguments::from_arg_matches(&matches)?.command {
        Command::Search(search) => Ok(search),
        _ => bail!("the settings in the record are not those of a search"),
    }
}
