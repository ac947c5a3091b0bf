//! `laser lab study`: runs a study and prints its tables.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use laser::Session;
use laser::page::Page;
use laser_lab::study::equivalence::EquivalenceStudy;
use laser_lab::study::facts::FactStudy;
use serde::Serialize;

use crate::args::{Global, LabEquivalence, LabFactStudy, LabLoraStudy, LabSokobanStudy, LabStudy};
use crate::progress::Progress;
use crate::{output, plan};

pub(in crate::commands) fn run(study: &LabStudy, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    match study {
        LabStudy::Facts(args) => facts(args, global, progress),
        LabStudy::Equivalence(args) => equivalence(args, global, progress),
        LabStudy::Sokoban(args) => sokoban(args, global, progress),
        LabStudy::Lora(args) => lora(args, global, progress),
    }
}

fn facts(args: &LabFactStudy, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let study = FactStudy {
        world: args.common.world.settings(args.common.world_seed),
        worlds: args.worlds,
        without_noise: !args.noisy_only,
        model: args.common.model(),
        seed: args.common.seed,
    };
    let result = study.run(&args.out, plan::threads(global), progress.as_ref()).map_err(|e| explained(e, &args.out))?;
    show(&result, &result.page(), &args.out, global, progress)
}

fn equivalence(args: &LabEquivalence, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let study = EquivalenceStudy {
        world: args.common.world.settings(args.common.world_seed),
        worlds: args.worlds,
        initialisations: args.initialisations,
        model: args.common.model(),
        seed: args.common.seed,
    };
    let result = study.run(&args.out, plan::threads(global), progress.as_ref()).map_err(|e| explained(e, &args.out))?;
    show(&result, &result.page(), &args.out, global, progress)
}

fn sokoban(args: &LabSokobanStudy, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let study = args.study();
    let options = plan::session_options(global, progress)?;
    let open = |model: &str| Session::open_with(model, options.clone());
    let result = study
        .run(&args.out, plan::threads(global), progress.as_ref(), &open)
        .map_err(|error| explained(error, &args.out))?;
    show(&result, &result.page(), &args.out, global, progress)
}

fn lora(args: &LabLoraStudy, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    plan::check_tasks(&args.task)?;
    let settings = plan::task_settings(&args.task)?;
    let options = plan::session_options(global, progress)?;
    let open = |model: &str| Session::open_with(model, options.clone());
    let base = open(&args.model.model)?;
    let tasks = base.tasks(&settings)?;
    output::describe_tasks(global, &base, &tasks);
    let result =
        args.study().run(&args.out, &base, &tasks, progress.as_ref(), &open).map_err(|e| explained(e, &args.out))?;
    show(&result, &result.page(), &args.out, global, progress)
}

/// Prints results as JSON, or the page's sentences and tables.
fn show(result: &impl Serialize, page: &Page, out: &Path, global: &Global, progress: &Progress) -> Result<ExitCode> {
    progress.finish();
    if global.json {
        output::json(result)?;
    } else {
        output::result(&page.markdown())?;
    }
    output::say(global, &format!("wrote {} (report.html, study.json, study.md)", out.display()));
    Ok(ExitCode::SUCCESS)
}

/// Tells how to continue a study that was stopped.
fn explained(error: laser_lab::Error, out: &Path) -> anyhow::Error {
    match error {
        laser_lab::Error::Laser(laser::Error::Interrupted) => {
            anyhow!("interrupted: {} keeps what is finished; the same command continues", out.display())
        }
        other => other.into(),
    }
}
