//! Arguments of `laser lab`, one file for each of its commands.

mod lora;
mod optimizer;
mod sokoban;
mod train;

use clap::{Args, Subcommand};

pub(crate) use lora::LabLora;
pub(crate) use sokoban::{FewestName, Levels, NoiseName, Play, ReturnName, Sokoban, SokobanCommand, TrainPlayer};
pub(crate) use train::{ArchitectureName, LabTrain};

#[derive(Debug, Args)]
pub(crate) struct Lab {
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Train a small language model on a file of texts, such as the corpus of a world of facts
    Train(LabTrain),
    /// Train a LoRA adapter of a model on the questions and answers of a task
    Lora(Box<LabLora>),
    /// Make Sokoban levels, train a Decision Transformer on them, and watch it play
    Sokoban(Sokoban),
}
