//! `laser lab`: one file for each of its commands.

mod lora;
mod sokoban;
mod train;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Global, Lab, LabCommand};
use crate::progress::Progress;

pub(super) fn run(args: &Lab, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    match &args.command {
        LabCommand::Train(args) => train::run(args, global, progress),
        LabCommand::Lora(args) => lora::run(args, global, progress),
        LabCommand::Sokoban(args) => sokoban::run(args, global, progress),
    }
}
