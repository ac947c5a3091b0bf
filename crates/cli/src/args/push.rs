//! Arguments of `laser push`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use laser::share::SharedWeights;

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Folder of a finished search
    pub(crate) run: PathBuf,
    /// Repository of the Hugging Face Hub, ORG/NAME; it is created if there is none
    #[arg(value_name = "ORG/NAME")]
    pub(crate) repository: String,
    /// Weights to upload: the reduced matrices in one file (delta), the whole edited model (dense), or none
    #[arg(long, value_enum, default_value = "delta", value_name = "WEIGHTS")]
    pub(crate) with: WeightsName,
    /// Make a new repository private, and refuse an existing public one
    #[arg(long)]
    pub(crate) private: bool,
    /// Print what would be uploaded, and upload nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The model of the search, if it is no longer where the search found it [default: as in results.json]
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Message of the commit
    #[arg(long, value_name = "TEXT", default_value = "Edit found by laser search")]
    pub(crate) message: String,
}

/// Weights to upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsName {
    /// One safetensors file with the reduced matrices, from which `laser apply BASE --edit FILE` gives the model to the byte
    Delta,
    /// The whole edited model, as a folder or a .gguf file, which every engine loads
    Dense,
    /// No weights: the recipe says how to make them
    None,
}

impl From<WeightsName> for SharedWeights {
    fn from(name: WeightsName) -> Self {
        match name {
            WeightsName::Delta => Self::Delta,
            WeightsName::Dense => Self::Dense,
            WeightsName::None => Self::None,
        }
    }
}
