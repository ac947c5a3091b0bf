//! `laser lora`: what an adapter changes of the matrices, and of the answers.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use laser::run::RunFolder;
use laser::{AdapterOptions, BehaviourOptions};

use crate::args::{Global, Lora};
use crate::progress::Progress;
use crate::{output, plan, print};

pub(super) fn run(args: &Lora, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let compares = !args.task.task.is_empty();
    if compares && args.edit.is_none() {
        bail!("--edit: needed with --task, whose items compare the models with an edit and without");
    }
    if !compares && (args.adapted_edit.is_some() || !args.update_ranks.is_empty()) {
        bail!("--adapted-edit and --update-ranks: they compare models on items, which --task names");
    }
    plan::check_tasks(&args.task)?;
    let settings = plan::task_settings(&args.task)?;
    if let Some(out) = &args.out {
        // Before the work, so that none is lost to a folder that cannot be created.
        RunFolder::new(out).create()?;
    }
    let name = format!("{}+adapter:{}", args.model.model, args.adapter.display());
    let tuned = plan::open(&name, global, progress)?;
    let base = plan::open(&args.model.model, global, progress)?;
    let tasks = compares.then(|| tuned.tasks(&settings)).transpose()?;
    match &tasks {
        Some(tasks) => output::describe_tasks(global, &tuned, tasks),
        None => output::describe_model(global, &tuned),
    }
    let edit = args.edit.as_deref().map(|text| base.edit(text)).transpose()?;
    let adapted = args.adapted_edit.as_deref().map(|text| tuned.edit(text)).transpose()?;
    let defaults = AdapterOptions::default();
    let options = AdapterOptions {
        rhos: if args.rho.is_empty() { defaults.rhos } else { args.rho.clone() },
        edit: edit.as_ref().map(|edit| edit.edit.clone()).unwrap_or_default(),
        matrices: args.matrices.clone(),
        draws: args.draws,
        seed: args.seed,
    };
    let mut analysis = tuned.analyse_adapter(&base, &options)?;
    if let (Some(tasks), Some(edit)) = (&tasks, &edit) {
        let options = BehaviourOptions {
            edit: edit.edit.clone(),
            adapted_edit: adapted.as_ref().map(|edit| edit.edit.clone()),
            svd: plan::svd(&args.svd, edit.svd)?,
            update_ranks: args.update_ranks.clone(),
            split: args.split.into(),
            fractions: args.task.split_fractions,
            split_seed: args.task.split_seed,
            seed: args.seed,
        };
        analysis.behaviour = Some(tuned.compare_behaviour(&base, tasks, &options)?);
    }
    progress.finish();
    if let Some(out) = &args.out {
        RunFolder::new(out).write_adapter(&analysis)?;
        output::say(global, &format!("wrote {} (report.html, adapter.json)", out.display()));
    }
    if global.json {
        output::json(&analysis)?;
    } else {
        output::result(&print::adapter(&analysis))?;
    }
    let foreign = adapted.filter(|edit| edit.is_foreign).or(edit);
    Ok(output::exit_code(foreign.as_ref()))
}
