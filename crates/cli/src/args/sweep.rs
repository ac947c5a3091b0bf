//! Arguments of `laser sweep`.

use std::path::PathBuf;

use clap::Args;
use laser::sweep::{Kind, PAPER_PERCENTAGES};

use super::task::TaskArgs;
use super::values::{SplitName, library_value};
use super::{ModelArg, SvdArgs};

#[derive(Debug, Args)]
pub(crate) struct Sweep {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Layers: `*`, 5, 20-27, 20- (to the last), -1 (the last), several joined by commas
    #[arg(long, default_value = "*", allow_hyphen_values = true)]
    pub(crate) layers: String,
    /// Matrices, by name or the paper's aliases [default: all of the block]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) matrices: Vec<String>,
    /// Percentages to remove; 100 removes the matrix
    #[arg(long, value_delimiter = ',', value_name = "LIST", default_values = PAPER_PERCENTAGES)]
    pub(crate) removed: Vec<String>,
    /// Ways to remove them: leading (keeps the largest components, as LASER does), magnitude (the largest entries, with as
    /// many parameters as the truncation), sparse (that percentage of the entries), random (components by chance)
    #[arg(long, value_delimiter = ',', value_name = "LIST", default_value = "leading", value_parser = library_value::<Kind>)]
    pub(crate) kinds: Vec<Kind>,
    /// Items to score
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) split: SplitName,
    /// Seed of random components
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for sweep.json, sweep.csv, report.html and the trials
    #[arg(long, default_value = "laser-sweep", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Continue the sweep in that folder
    #[arg(long)]
    pub(crate) resume: bool,
}
