//! Arguments of `laser lab`, one file for each of its commands.

mod facts;
mod study;

use clap::Subcommand;

pub(crate) use facts::LabFacts;
pub(crate) use study::{LabEquivalence, LabFactStudy, LabStudy};

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Make a world of facts with exact frequencies and labelled noise: a corpus to train on, and the facts as a task
    Facts(LabFacts),
    /// Train models on worlds of facts, and answer a question with them
    #[command(subcommand)]
    Study(LabStudy),
}
