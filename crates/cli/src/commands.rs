//! One file for each command: arguments → plan → session → print.

mod apply;
mod ask;
mod cache;
mod compare;
mod config;
mod corpus;
mod eval;
mod explain;
mod generate;
mod inspect;
mod lab;
mod lora;
mod push;
mod quickstart;
mod report;
mod reproduce;
mod reproduce_run;
mod search;
mod spectrum;
mod sweep;
mod tasks;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;

use crate::args::{Arguments, Command};
use crate::config::Given;
use crate::progress::{INTERRUPTED, Progress};
use crate::{output, plan};

/// Runs a command, whose settings were `given`. Says why it could not run, if it could not.
pub(crate) fn run(arguments: Arguments, given: &Given) -> ExitCode {
    let progress = Arc::new(Progress::new(arguments.global.quiet, arguments.global.verbose));
    let result = run_command(arguments, given, &progress);
    progress.finish();
    plan::remove_spare_dir();
    let Err(error) = result.as_ref() else { return result.unwrap_or(ExitCode::SUCCESS) };
    output::failure(error);
    let is_interrupted = progress.is_stopped() || matches!(error.downcast_ref(), Some(laser::Error::Interrupted));
    ExitCode::from(if is_interrupted { INTERRUPTED } else { 2 })
}

fn run_command(arguments: Arguments, given: &Given, progress: &Arc<Progress>) -> Result<ExitCode> {
    let Arguments { command, global } = arguments;
    match command {
        Command::Quickstart(args) => quickstart::run(&args, &global, progress),
        Command::Inspect(args) => inspect::run(&args, &global, progress),
        Command::Spectrum(args) => spectrum::run(&args, &global, progress),
        Command::Eval(args) => eval::run(&args, &global, progress, given),
        Command::Search(args) => search::run(&args, &global, progress, given),
        Command::Worker(args) => worker::run(&args, &global, progress),
        Command::Sweep(args) => sweep::run(&args, &global, progress, given),
        Command::Explain(args) => explain::run(&args, &global, progress),
        Command::Reproduce(args) => reproduce::run(&args, &global, progress),
        Command::Apply(args) => apply::run(&args, &global, progress),
        Command::Push(args) => push::run(&args, &global, progress),
        Command::ReproduceRun(args) => reproduce_run::run(&args, &global, progress),
        Command::Lora(args) => lora::run(&args, &global, progress),
        Command::Ask(args) => ask::run(&args, &global, progress),
        Command::Compare(args) => compare::run(&args, &global),
        Command::Report(args) => report::run(&args, &global),
        Command::Tasks(args) => tasks::run(&args, &global),
        Command::Corpus(args) => corpus::run(&args, &global, progress),
        Command::Cache(args) => cache::run(&args, &global),
        Command::Config(args) => config::run(&args),
        Command::Generate(args) => generate::run(&args, &global),
        Command::Lab(args) => lab::run(&args, &global, progress),
    }
}
