//! `laser lab train`: texts → a trained model.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser::model::parallel::Observer;
use laser_lab::text_training::{Corpus, TextTraining};
use laser_lab::training::{Architecture, ModelSizes};

use super::print_training;
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
        settings: args.optimizer.settings(args.steps, args.learning_rate),
        seed: args.optimizer.seed,
    };
    let corpus = Corpus::read(&args.data, args.tokenizer.as_deref(), args.context)?;
    output::say(global, &format!("{} texts; seed {}", corpus.len(), args.optimizer.seed));
    let threads = plan::threads(global);
    let last = training.run(&corpus, &args.out, args.optimizer.resume, threads, progress.as_ref(), |line| {
        progress.progress("training", line.step, args.steps);
    })?;
    progress.finish();
    print_training(global, &args.out, &training, &last)
}
