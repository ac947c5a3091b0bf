//! Configuration files: flags of a command as keys of a YAML file.
//!
//! A key is a flag without its dashes (`max-time: 20m`), or `model`. What the command line says itself wins. A run folder
//! keeps such a file, so that `laser search --resume --out RUN` needs nothing else.

mod file;
mod given;
mod template;

pub(crate) use given::{Given, RUN_SETTINGS};
pub(crate) use template::template;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::args::{Arguments, Search};

/// Returns `arguments`, meant for the built `command`, with those of the configuration file that they name, and of the run that they resume.
///
/// # Errors
/// A file that cannot be read, a key that is no flag of the command, or a value that no flag takes.
pub(crate) fn expand(command: &Command, arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    let names_file = |word: &OsString| {
        let word = word.to_string_lossy();
        word == "--resume" || word == "--config" || word.starts_with("--config=")
    };
    if !arguments.iter().any(names_file) {
        return Ok(arguments);
    }
    // Where the arguments are wrong in themselves, parsing them again says so.
    let Ok(matches) = lenient(Arguments::command()).try_get_matches_from(&arguments) else { return Ok(arguments) };
    let Some((command, matches)) = leaf(command, &matches) else { return Ok(arguments) };
    let Some(file) = chosen_file(matches) else { return Ok(arguments) };
    let added = file::arguments(command, matches, &file)?;
    Ok(arguments.into_iter().chain(added).collect())
}

/// The search of a command line that resumes one, with the settings of its folder.
///
/// # Errors
/// Those of [`expand`], and settings that no search takes.
pub(crate) fn search_of(arguments: Vec<OsString>) -> Result<(Box<Search>, Given)> {
    let mut command = Arguments::command();
    command.build();
    let arguments = expand(&command, arguments)?;
    let matches = command.clone().try_get_matches_from(arguments)?;
    let given = Given::of(&command, &matches);
    match Arguments::from_arg_matches(&matches)?.command {
        crate::args::Command::Search(search) => Ok((search, given)),
        _ => bail!("expected the settings of a search"),
    }
}

/// The command with nothing required, so that what a file will add may be missing.
fn lenient(command: Command) -> Command {
    // The first alone would keep conditional requirements, the second alone would leave out default values.
    command.mut_args(|argument| argument.required(false)).mut_subcommands(lenient).ignore_errors(true)
}

/// The innermost command that was chosen, with its arguments.
fn leaf<'a>(command: &'a Command, matches: &'a ArgMatches) -> Option<(&'a Command, &'a ArgMatches)> {
    let (name, of_subcommand) = matches.subcommand()?;
    let subcommand = command.find_subcommand(name)?;
    leaf(subcommand, of_subcommand).or(Some((subcommand, of_subcommand)))
}

/// The file that `--config` names, or the one in the folder that is resumed.
fn chosen_file(matches: &ArgMatches) -> Option<PathBuf> {
    let path = |name: &str| matches.try_get_one::<PathBuf>(name).ok().flatten();
    if let Some(file) = path("config") {
        return Some(file.clone());
    }
    let resumes = matches.try_get_one::<bool>("resume").ok().flatten().copied().unwrap_or(false);
    let of_run = path("out").filter(|_| resumes)?.join(RUN_SETTINGS);
    of_run.exists().then_some(of_run)
}
