//! `laser lab sokoban train`: levels with demonstrations → a trained player.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser::model::parallel::Observer;
use laser::sokoban::PlayerSettings;
use laser_lab::sokoban::{PlayerTraining, TrainingLevels};

use super::super::print_training;
use crate::args::{Global, ReturnName, TrainPlayer};
use crate::output;
use crate::plan;
use crate::progress::Progress;

/// Standard deviation of the noise of returns.
const JITTER: f64 = 1.0;

pub(super) fn run(args: &TrainPlayer, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let (return_jitter, target) = match args.returns {
        ReturnName::Jitter => (Some(JITTER), Some(args.target)),
        ReturnName::Exact => (Some(0.0), Some(args.target)),
        ReturnName::None => (None, None),
    };
    let training = PlayerTraining {
        player: PlayerSettings {
            board: args.board,
            context: args.context,
            target,
            max_moves: args.max_moves,
            ..PlayerSettings::default()
        },
        return_jitter,
        symmetries: true,
        d_model: args.d_model,
        layers: args.layers,
        heads: args.heads,
        batch: args.batch,
        settings: args.optimizer.settings(args.steps, args.learning_rate),
        seed: args.optimizer.seed,
    };
    let levels = TrainingLevels::read(&args.data)?;
    output::say(global, &format!("seed {}", args.optimizer.seed));
    let threads = plan::threads(global);
    let last = training.run(&levels, &args.out, args.optimizer.resume, threads, progress.as_ref(), |line| {
        progress.progress("training", line.step, args.steps);
    })?;
    progress.finish();
    print_training(global, &args.out, &training, &last)
}
