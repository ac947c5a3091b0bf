//! `laser lab`: one file for each of its commands.

mod facts;
mod lora;
mod sokoban;
mod study;
mod train;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use laser_lab::training::JournalLine;
use serde::Serialize;
use serde_json::json;

use crate::args::{Global, Lab, LabCommand};
use crate::output;
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

/// Prints the end of a training: its folder, and the last line of its journal.
fn print_training(global: &Global, out: &Path, training: &impl Serialize, last: &JournalLine) -> Result<ExitCode> {
    if global.json {
        output::json(&json!({"out": out, "training": training, "last_step": last}))?;
    } else {
        output::result(&format!("{}: loss {:.4} after {} steps", out.display(), last.loss, last.step))?;
    }
    Ok(ExitCode::SUCCESS)
}
