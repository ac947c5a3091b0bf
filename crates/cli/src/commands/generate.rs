//! `laser generate`: shell completions and man pages.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use laser::checkpoint::write_atomically;

use crate::args::{Arguments, Generate, GenerateCommand, Global};
use crate::{help, output};

pub(super) fn run(args: &Generate, global: &Global) -> Result<ExitCode> {
    let mut command = help::arrange(Arguments::command());
    match &args.what {
        GenerateCommand::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command, "laser", &mut script);
            output::result(String::from_utf8_lossy(&script).trim_end())?;
        }
        GenerateCommand::Man { out } => {
            std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
            command.build();
            let written = pages(&command, "laser", out)?;
            output::say(global, &format!("wrote {written} pages into {}", out.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the pages of a command and its subcommands; returns their number.
fn pages(command: &Command, name: &str, out: &Path) -> Result<usize> {
    let mut page = Vec::new();
    // The page of `laser eval` is named laser-eval.
    let named = command.clone().display_name(name.to_owned());
    clap_mangen::Man::new(named).title(name).render(&mut page)?;
    let path = out.join(format!("{name}.1"));
    write_atomically(&path, &page).with_context(|| path.display().to_string())?;
    let mut written = 1;
    for subcommand in command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
    {
        written += pages(subcommand, &format!("{name}-{}", subcommand.get_name()), out)?;
    }
    Ok(written)
}
