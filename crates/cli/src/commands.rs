//! One file for each command: arguments → plan → session → print.

mod apply;
mod cache;
mod compare;
mod corpus;
mod eval;
mod explain;
mod inspect;
mod lab;
mod lora;
mod quickstart;
mod report;
mod reproduce;
mod search;
mod spectrum;
mod sweep;
mod tasks;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Arguments, Command};
use crate::plan;
use crate::progress::Progress;

/// Runs a command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { command, global } = arguments;
    let progress = Arc::new(Progress::new(global.quiet));
    let result = match command {
        Command::Quickstart(args) => quickstart::run(&args, &global, &progress),
        Command::Inspect(args) => inspect::run(&args, &global, &progress),
        Command::Spectrum(args) => spectrum::run(&args, &global, &progress),
        Command::Eval(args) => eval::run(&args, &global, &progress),
        Command::Search(args) => search::run(&args, &global, &progress),
        Command::Sweep(args) => sweep::run(&args, &global, &progress),
        Command::Explain(args) => explain::run(&args, &global, &progress),
        Command::Reproduce(args) => reproduce::run(&args, &global, &progress),
        Command::Apply(args) => apply::run(&args, &global, &progress),
        Command::Lora(args) => lora::run(&args, &global, &progress),
        Command::Compare(args) => compare::run(&args, &global),
        Command::Report(args) => report::run(&args, &global),
        Command::Tasks(args) => tasks::run(&args, &global),
        Command::Corpus(args) => corpus::run(&args, &global, &progress),
        Command::Cache(args) => cache::run(&args, &global),
        Command::Lab(args) => lab::run(&args, &global, &progress),
    };
    progress.finish();
    plan::remove_spare_dir();
    result
}
