//! `laser lab`: one file for each of its commands.

mod facts;
mod study;
mod train;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Global, LabCommand};
use crate::progress::Progress;

pub(super) fn run(command: &LabCommand, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    match command {
        LabCommand::Facts(args) => facts::run(args, global),
        LabCommand::Train(args) => train::run(args, global, progress),
        LabCommand::Study(study) => study::run(study, global, progress),
    }
}
