//! Arguments of `laser lab`, one file for each of its commands.

mod facts;
mod study;
mod train;

use clap::Subcommand;

pub(crate) use facts::LabFacts;
pub(crate) use study::{LabEquivalence, LabFactStudy, LabStudy};
pub(crate) use train::{ArchitectureName, LabTrain};

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Make a world of facts with exact frequencies and labelled noise: a corpus to train on, and the facts as a task
    Facts(LabFacts),
    /// Train a small language model on a file of texts, such as the corpus of a world of facts
    Train(LabTrain),
    /// Train models on worlds of facts, and answer a question with them
    #[command(subcommand)]
    Study(LabStudy),
}
