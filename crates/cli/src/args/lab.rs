//! Arguments of `laser lab`, one file for each of its commands.

mod lora;
mod train;

use clap::Subcommand;

pub(crate) use lora::LabLora;
pub(crate) use train::{ArchitectureName, LabTrain};

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Train a small language model on a file of texts, such as the corpus of a world of facts
    Train(LabTrain),
    /// Train a LoRA adapter of a model on the questions and answers of a task
    Lora(Box<LabLora>),
}
