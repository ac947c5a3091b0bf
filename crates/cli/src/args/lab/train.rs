//! Arguments of `laser lab train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::optimizer::OptimizerArgs;

/// Architecture of a model to train.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ArchitectureName {
    /// GPT-2's block with ReLU as its activation
    Gpt2Relu,
    /// GPT-2's block
    Gpt2,
    /// Llama's block
    Llama,
}

#[derive(Debug, Args)]
pub(crate) struct LabTrain {
    /// A folder with corpus.jsonl (of `laser lab facts`), a .jsonl file with "text" in each line, or a .txt file with a text
    /// in each line
    pub(crate) data: PathBuf,
    /// Folder for the model
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Folder with tokenizer.json [default: the folder of the texts]
    #[arg(long, value_name = "DIR")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// Architecture
    #[arg(long, value_enum, default_value = "gpt2-relu")]
    pub(crate) architecture: ArchitectureName,
    /// Width of the residual stream
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(crate) d_model: usize,
    /// Number of blocks
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) layers: usize,
    /// Number of attention heads
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) heads: usize,
    /// Width of the MLP [default: four times the width of the residual stream]
    #[arg(long, value_name = "N")]
    pub(crate) d_mlp: Option<usize>,
    /// Longest text, in tokens
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub(crate) context: usize,
    /// Number of steps
    #[arg(long, default_value_t = 1_600, value_name = "N")]
    pub(crate) steps: usize,
    /// Number of texts in a step
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(crate) batch: usize,
    /// Largest learning rate of AdamW
    #[arg(long, default_value_t = 3e-3, value_name = "X")]
    pub(crate) learning_rate: f64,
    #[command(flatten)]
    pub(crate) optimizer: OptimizerArgs,
}
