//! Arguments of `laser lab lora`.

use std::path::PathBuf;

use clap::Args;

use super::optimizer::DecayName;
use crate::args::ModelArg;

#[derive(Debug, Args)]
pub(crate) struct LabLora {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// File of questions and answers, as `laser eval --task` reads it, or a built-in task; only the answers are learned
    #[arg(long, value_name = "FILE")]
    pub(crate) data: String,
    /// Folder for the adapter
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Use the first N items only
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Rank of each module's update
    #[arg(long, default_value_t = 8, value_name = "R")]
    pub(crate) rank: usize,
    /// Scale of the update times its rank
    #[arg(long, default_value_t = 16.0, value_name = "X")]
    pub(crate) alpha: f64,
    /// Matrices to adapt
    #[arg(long, default_value = "all", value_name = "SEL")]
    pub(crate) matrices: String,
    /// Number of steps
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) steps: usize,
    /// Number of items in a step
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub(crate) batch: usize,
    /// Largest learning rate of AdamW
    #[arg(long, default_value_t = 1e-3, value_name = "X")]
    pub(crate) learning_rate: f64,
    /// Number of steps in which the learning rate rises
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) warm_up: usize,
    /// Fall of the learning rate afterwards, to 1 %
    #[arg(long, value_enum, default_value = "linear")]
    pub(crate) decay: DecayName,
    /// Weight decay
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    pub(crate) weight_decay: f64,
    /// Largest norm of a gradient
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    pub(crate) clip: f64,
    /// Seed of the initial values and of the order of the items
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) seed: u64,
    /// Number of steps after which the state is written, from which --resume goes on
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) save_every: usize,
    /// Go on with a training in --out that was stopped
    #[arg(long)]
    pub(crate) resume: bool,
}
