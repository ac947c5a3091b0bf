//! Arguments of `laser lab`, one file for each of its commands.

mod facts;

use clap::Subcommand;

pub(crate) use facts::LabFacts;

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Make a world of facts with exact frequencies and labelled noise: a corpus to train on, and the facts as a task
    Facts(LabFacts),
}
