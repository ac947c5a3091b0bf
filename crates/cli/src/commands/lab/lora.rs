//! `laser lab lora`: a model and a task → a LoRA adapter.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser::model::parallel::Observer;
use laser::{TaskRequest, TaskSettings};
use laser_lab::lora_training::LoraTraining;
use laser_lab::training::{AdamWSettings, Schedule, TrainingSettings};

use super::print_training;
use crate::args::{Global, LabLora};
use crate::progress::Progress;
use crate::{output, plan};

pub(super) fn run(args: &LabLora, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let training = LoraTraining {
        rank: args.rank,
        alpha: args.alpha,
        matrices: args.matrices.clone(),
        batch: args.batch,
        settings: TrainingSettings {
            steps: args.steps,
            schedule: Schedule {
                learning_rate: args.learning_rate,
                warm_up: args.warm_up,
                decay: args.decay.into(),
                last_share: 0.01,
            },
            // The constants of PyTorch, with which adapters are usually trained.
            optimizer: AdamWSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: args.weight_decay },
            clip: args.clip,
            save_every: args.save_every,
        },
        seed: args.seed,
    };
    let session = plan::open(&args.model.model, global, progress)?;
    let settings =
        TaskSettings { tasks: vec![TaskRequest::named(&args.data)], limit: args.limit, ..TaskSettings::default() };
    let tasks = session.tasks(&settings)?;
    output::describe_tasks(global, &session, &tasks);
    output::say(global, &format!("seed {}", args.seed));
    let last = training.run(&session, &tasks, &args.out, args.resume, progress.as_ref(), |line| {
        progress.progress("training", line.step, args.steps);
    })?;
    progress.finish();
    print_training(global, &args.out, &training, &last)
}
