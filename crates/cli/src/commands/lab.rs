//! `laser lab`: one file for each of its commands.

mod facts;
mod lora;
mod sokoban;
mod study;
mod train;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Global, Lab, LabCommand};
use crate::progress::Progress;

pub(super) fn run(args: &Lab, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    match &args.command {
        LabCommand::Facts(args) => facts::run(args, global),
        LabCommand::Train(args) => train::run(args, global, progress),
        LabCommand::Lora(args) => lora::run(args, global, progress),
        LabCommand::Sokoban(args) => sokoban::run(args, global, progress),
        LabCommand::Study(study) => study::run(study, global, progress),
    }
}
