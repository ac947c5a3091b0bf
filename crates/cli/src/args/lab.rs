//! Arguments of `laser lab`.

mod sokoban;

use clap::{Args, Subcommand};

pub(crate) use sokoban::{FewestName, Levels, NoiseName, Play, Sokoban, SokobanCommand};

#[derive(Debug, Args)]
pub(crate) struct Lab {
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Make Sokoban levels, and watch a Decision Transformer play them
    Sokoban(Sokoban),
}
