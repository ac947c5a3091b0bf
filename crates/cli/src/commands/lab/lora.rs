//! `laser lab lora`: a model and a task → a LoRA adapter.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser::model::parallel::Observer;
use laser::{TaskRequest, TaskSettings};

use super::print_training;
use crate::args::{Global, LabLora};
use crate::progress::Progress;
use crate::{output, plan};

pub(super) fn run(args: &LabLora, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let training = args.adapter.training(args.seed);
    let session = plan::open(&args.model.model, global, progress)?;
    let settings =
        TaskSettings { tasks: vec![TaskRequest::named(&args.data)], limit: args.limit, ..TaskSettings::default() };
    let tasks = session.tasks(&settings)?;
    output::describe_tasks(global, &session, &tasks);
    output::say(global, &format!("seed {}", args.seed));
    let last = training.run(&session, &tasks, &args.out, args.resume, progress.as_ref(), |line| {
        progress.progress("training", line.step, training.settings.steps);
    })?;
    progress.finish();
    print_training(global, &args.out, &training, &last)
}
