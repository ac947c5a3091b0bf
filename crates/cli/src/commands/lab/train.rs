//! `laser lab train`: texts → a trained model.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser::model::parallel::Observer;
use laser_lab::text_training::{Corpus, TextTraining};
use laser_lab::training::{AdamWSettings, Architecture, ModelSizes, Schedule, TrainingSettings};
use serde_json::json;

use crate::args::{ArchitectureName, Global, LabTrain};
use crate::output;
use crate::plan;
use crate::progress::Progress;

pub(super) fn run(args: &LabTrain, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let training = TextTraining {
        architecture: match args.architecture {
            ArchitectureName::Gpt2Relu => Architecture::Gpt2 { relu: true },
            ArchitectureName::Gpt2 => Architecture::Gpt2 { relu: false },
            ArchitectureName::Llama => Architecture::Llama,
        },
        sizes: ModelSizes {
            d_model: args.d_model,
            layers: args.layers,
            heads: args.heads,
            d_mlp: args.d_mlp.unwrap_or(4 * args.d_model),
            context: args.context,
        },
        batch: args.batch,
        settings: TrainingSettings {
            steps: args.steps,
            schedule: Schedule {
                learning_rate: args.learning_rate,
                warm_up: args.warm_up,
                decay: args.decay.into(),
                last_share: 0.01,
            },
            optimizer: AdamWSettings { weight_decay: args.weight_decay, ..AdamWSettings::default() },
            clip: args.clip,
            save_every: args.save_every,
        },
        seed: args.seed,
    };
    let corpus = Corpus::read(&args.data, args.tokenizer.as_deref(), args.context)?;
    output::say(global, &format!("{} texts; seed {}", corpus.len(), args.seed));
    let threads = plan::threads(global);
    let last = training.run(&corpus, &args.out, args.resume, threads, progress.as_ref(), |line| {
        progress.progress("training", line.step, args.steps);
    })?;
    progress.finish();
    if global.json {
        output::json(&json!({"out": args.out, "training": training, "last_step": last}))?;
    } else {
        output::result(&format!("{}: loss {:.4} after {} steps", args.out.display(), last.loss, last.step))?;
    }
    Ok(ExitCode::SUCCESS)
}
