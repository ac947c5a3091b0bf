//! Arguments of `laser explain`.

use std::path::PathBuf;

use clap::Args;
use laser::explain::PAPER_BOTTOMS;
use laser::linalg::RankFraction;

use super::ModelArg;
use super::task::TaskArgs;
use super::values::{SplitName, share};

const PROMPT: &str =
    "Without --task, the prompt to explain; with it, the template of the prompts of a file of questions";
const ANSWER: &str = "Without --task, the answer to look for after --prompt; with it, the template of the answers";

#[derive(Debug, Args)]
#[command(mut_arg("task", |task| task.required(false).required_unless_present("prompt")))]
#[command(mut_arg("prompt", |prompt| prompt.help(PROMPT).requires("answer")))]
#[command(mut_arg("answer", |answer| answer.help(ANSWER).requires("prompt")))]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    /// Edit to explain: L5.fc_in@0.01, several joined by commas, or a recipe file; it keeps the largest components
    #[arg(long, value_name = "EDIT", required_unless_present_any = ["run", "prompt"])]
    pub(crate) edit: Option<String>,
    /// Folder of a search: explains its edit, on its test split
    #[arg(long, value_name = "DIR", conflicts_with = "edit")]
    pub(crate) run: Option<PathBuf>,
    /// Matrices whose components are searched for the answer to --prompt, such as `mlp` or `L20-27.down_proj`
    #[arg(long, value_name = "SEL", default_value = "mlp")]
    pub(crate) matrices: String,
    /// Items to read [default: all; with --run, those of the test split]
    #[arg(long, value_enum)]
    pub(crate) split: Option<SplitName>,
    /// Shares of the smallest components that are kept alone
    #[arg(long, value_delimiter = ',', value_name = "LIST", default_values = PAPER_BOTTOMS, value_parser = share)]
    pub(crate) bottoms: Vec<RankFraction>,
    /// Number of random controls at the rank of the edit, and of those at its energy
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) controls: usize,
    /// Seed of the random controls and of the intervals
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// File of words that count as generic answers, one a line [default: 64 function words of English]
    #[arg(long, value_name = "FILE")]
    pub(crate) generic: Option<PathBuf>,
    /// Matrices whose spectra are shown, such as `mlp` or `all` [default: the edited ones, in all layers]
    #[arg(long, value_name = "SEL")]
    pub(crate) spectra: Option<String>,
    /// Do not measure the loss on ordinary text
    #[arg(long)]
    pub(crate) no_side_effects: bool,
    /// Folder for report.html, and for explain.json and explain.jsonl, or prompt.json
    #[arg(long, default_value = "laser-explain", value_name = "DIR")]
    pub(crate) out: PathBuf,
}
