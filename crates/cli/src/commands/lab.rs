//! `laser lab`: one file for each of its commands.

mod lora;
mod train;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Global, LabCommand};
use crate::progress::Progress;

pub(super) fn run(command: &LabCommand, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    match command {
        LabCommand::Train(args) => train::run(args, global, progress),
        LabCommand::Lora(args) => lora::run(args, global, progress),
    }
}
