//! Arguments of `laser lab`, one file for each of its commands.

mod facts;
mod lora;
mod optimizer;
mod sokoban;
mod study;
mod train;

use clap::{Args, Subcommand};

pub(crate) use facts::LabFacts;
pub(crate) use lora::LabLora;
pub(crate) use sokoban::{FewestName, Levels, NoiseName, Play, ReturnName, Sokoban, SokobanCommand, TrainPlayer};
pub(crate) use study::{LabEquivalence, LabFactStudy, LabLoraStudy, LabSokobanStudy, LabStudy};
pub(crate) use train::{ArchitectureName, LabTrain};

#[derive(Debug, Args)]
pub(crate) struct Lab {
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Make a world of facts with exact frequencies and labelled noise: a corpus to train on, and the facts as a task
    Facts(LabFacts),
    /// Train a small language model on a file of texts, such as the corpus of a world of facts
    Train(LabTrain),
    /// Train a LoRA adapter of a model on the questions and answers of a task
    Lora(Box<LabLora>),
    /// Make Sokoban levels, train a Decision Transformer on them, and watch it play
    Sokoban(Sokoban),
    /// Train models on worlds of facts, and answer a question with them
    #[command(subcommand)]
    Study(LabStudy),
}
