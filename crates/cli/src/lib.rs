//! The laser command: arguments in, a library call, a printed result and an exit code out.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod config;
mod help;
mod host;
mod output;
mod plan;
mod print;
mod progress;
mod shell;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::config::Given;

/// Runs the command with its arguments, the first of which is the name of the program. Call it once in a process: it takes
/// over Ctrl-C.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    laser::kernels::tensor_library::compute_in_calling_thread();
    let mut command = help::arrange(args::Arguments::command()).color(help::colour(&arguments));
    command.build();
    let parsed = config::expand(&command, arguments);
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => {
            output::failure(&error);
            return ExitCode::from(2);
        }
    };
    let matches = command.clone().get_matches_from(arguments);
    let given = Given::of(&command, &matches);
    let parsed = args::Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    commands::run(parsed, &given)
}
