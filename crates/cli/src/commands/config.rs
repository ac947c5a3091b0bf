//! `laser config`: prints a configuration file with every flag of a command.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::CommandFactory;

use crate::args::{Arguments, ConfigTemplate};
use crate::{config, help, output};

pub(super) fn run(args: &ConfigTemplate) -> Result<ExitCode> {
    let mut command = help::arrange(Arguments::command());
    command.build();
    let Some(of) = command.find_subcommand(&args.command).filter(|of| !of.has_subcommands() && !of.is_hide_set())
    else {
        let has_flags = |command: &&clap::Command| !command.has_subcommands() && !command.is_hide_set();
        let names: Vec<&str> = command.get_subcommands().filter(has_flags).map(clap::Command::get_name).collect();
        bail!("expected a command with flags of its own ({}), found `{}`", names.join(", "), args.command);
    };
    output::result(config::template(of).trim_end())?;
    Ok(ExitCode::SUCCESS)
}
