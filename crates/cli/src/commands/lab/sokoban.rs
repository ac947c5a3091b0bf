//! `laser lab sokoban`: levels, training and play.

mod levels;
mod play;
mod train;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Global, Sokoban, SokobanCommand};
use crate::progress::Progress;

pub(super) fn run(args: &Sokoban, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    match &args.command {
        SokobanCommand::Levels(args) => levels::run(args, global, progress),
        SokobanCommand::Train(args) => train::run(args, global, progress),
        SokobanCommand::Play(args) => play::run(args, global, progress),
    }
}
