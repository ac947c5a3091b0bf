//! Arguments of `laser apply`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use laser::checkpoint::Dtype;

use super::{ModelArg, SvdArgs};

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Edit: L5.fc_in@0.01, several joined by commas, a recipe file, or a file written with --format delta; may be left out
    /// to write a model merged with its adapters
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Option<String>,
    /// Form of the written edit: the whole model (dense), the reduced matrices in one small file (delta), an adapter (lora), or a
    /// folder with two smaller matrices in place of one (factored)
    #[arg(long, value_enum, default_value = "dense", value_name = "FORMAT")]
    pub(crate) format: FormatName,
    /// A new folder, or a .gguf file; with --format delta a .safetensors file
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// With --format lora: largest rank of an update, which may leave out part of the change; how much is printed
    #[arg(long, value_name = "R")]
    pub(crate) approximate_rank: Option<usize>,
    /// Type in a GGUF file: f16, bf16, f32 or q8_0; of the edited tensors, or of all matrices if the model was a folder
    /// [default: the tensor's own]
    #[arg(long, value_name = "TYPE")]
    pub(crate) tensor_type: Option<Dtype>,
    /// Type of the weights in a Hugging Face folder made from GGUF: f16, bf16 or f32 [default: f16]
    #[arg(long, value_name = "TYPE")]
    pub(crate) weights_type: Option<Dtype>,
}

/// Form in which an edited model is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// The whole model, which every engine loads
    Dense,
    /// One safetensors file with the reduced matrices, from which `laser apply MODEL --edit FILE` gives the model to the byte
    Delta,
    /// An adapter: a folder for PEFT and vLLM of a model folder, a .gguf file for llama.cpp of a GGUF file
    Lora,
    /// A Hugging Face folder with two smaller matrices in place of each edited one, and the code that loads it
    Factored,
}

impl FormatName {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Delta => "delta",
            Self::Lora => "lora",
            Self::Factored => "factored",
        }
    }
}
