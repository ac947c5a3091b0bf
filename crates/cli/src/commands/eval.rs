//! `laser eval`: scores a model, or an edit of it, on one or several tasks.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow};
use laser::EvaluateOptions;
use laser::run::RunFolder;

use crate::args::{Eval, Global};
use crate::config::Given;
use crate::progress::Progress;
use crate::{host, output, plan, print};

pub(super) fn run(args: &Eval, global: &Global, progress: &Arc<Progress>, given: &Given) -> Result<ExitCode> {
    let begun = Instant::now();
    plan::check_tasks(&args.task)?;
    let settings = plan::task_settings(&args.task)?;
    let session = plan::open(&args.model.model, global, progress)?;
    let tasks = session.tasks(&settings)?;
    output::describe_tasks(global, &session, &tasks);
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    let options = EvaluateOptions {
        edit: requested.as_ref().map(|requested| requested.edit.clone()).unwrap_or_default(),
        svd: plan::svd_of(&args.svd, requested.as_ref())?,
        delta: requested.as_ref().and_then(|requested| requested.delta.clone()),
        split: args.split.into(),
        fractions: args.task.split_fractions,
        split_seed: args.task.split_seed,
        no_side_effects: args.no_side_effects,
    };
    if let Some(out) = &args.out {
        if RunFolder::new(out).has_results() && !args.force {
            // The same evaluation once more gives the same files.
            given.check_same(out).map_err(|error| anyhow!("{error}; --force replaces them"))?;
        }
        progress.creates(out);
        // Before the work, so that none is lost to a folder that cannot be created.
        RunFolder::new(out).create()?;
    }
    let mut evaluation = session.evaluate(&tasks, &options)?;
    progress.finish();
    host::record(&mut evaluation.results.manifest, begun, host::command());
    if args.out.is_some() || global.json {
        // Once for both: the harness's standard errors take seconds.
        let harness = evaluation.harness_output();
        if let Some(out) = &args.out {
            let run = RunFolder::new(out);
            run.remove_results()?;
            given.write(out)?;
            run.write_eval(&harness)?;
            output::say(global, &format!("wrote {}", out.display()));
        }
        if global.json {
            output::json(&harness.results)?;
        }
    }
    if !global.json {
        output::result(&print::evaluation(&evaluation, &session, &tasks, options.split))?;
    }
    Ok(output::exit_code(requested.as_ref()))
}
