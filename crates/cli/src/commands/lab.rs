//! `laser lab`: one file for each of its commands.

mod facts;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Global, LabCommand};

pub(super) fn run(command: &LabCommand, global: &Global) -> Result<ExitCode> {
    match command {
        LabCommand::Facts(args) => facts::run(args, global),
    }
}
