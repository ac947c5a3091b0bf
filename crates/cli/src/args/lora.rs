//! Arguments of `laser lora`.

use std::path::PathBuf;

use clap::Args;
use laser::linalg::RankFraction;

use super::task::TaskArgs;
use super::values::{SplitName, rank_fraction};
use super::{ModelArg, SvdArgs};

/// An adapter, the ranks at which it is analysed, and the task on which models with it are compared.
#[derive(Debug, Args)]
#[command(mut_arg("task", |task| task.required(false)))]
pub(crate) struct Lora {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// Folder of a LoRA adapter (PEFT) for the model
    #[arg(long, value_name = "DIR")]
    pub(crate) adapter: PathBuf,
    /// Edit found on the model without the adapter, whose ranks are analysed besides; a recipe file, or L5.fc_in@0.01
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Option<String>,
    /// Edit found on the model with the adapter
    #[arg(long, value_name = "EDIT")]
    pub(crate) adapted_edit: Option<String>,
    /// Values of ρ at which the matrices are truncated [default: 0.01,0.05,0.1,0.2,0.4,0.6,0.8,0.9]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = rank_fraction)]
    pub(crate) rho: Vec<RankFraction>,
    /// Matrices to analyse [default: all that the adapter changes]
    #[arg(long, value_name = "SEL")]
    pub(crate) matrices: Option<String>,
    /// Number of random updates with which each matrix is compared
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) draws: usize,
    /// Seed of the random updates and of the bootstrap
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Ranks to which the adapter's own update is truncated, as a control beside the edits
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) update_ranks: Vec<usize>,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Items on which the models are compared
    #[arg(long, value_enum, default_value = "test")]
    pub(crate) split: SplitName,
    /// Folder for adapter.json and report.html
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
