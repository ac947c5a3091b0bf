//! Arguments of `laser search`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use laser::search::objective::{Aggregate, Measure};
use laser::search::{Criterion, GreedyOrder, Plan};

use super::task::TaskArgs;
use super::values::{ProtocolName, ReductionList, duration, library_value, reductions};
use super::worker::Workers;
use super::{ModelArg, SvdArgs};

#[derive(Debug, Args)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Layers: `*`, 5, 20-27, 20- (to the last), -1 (the last), several joined by commas
    #[arg(long, default_value = "*", allow_hyphen_values = true)]
    pub(crate) layers: String,
    /// Matrices, by name or the paper's aliases; `e*.down_proj` and `h*.q_proj` take experts or head groups one by one
    /// [default: all of the block; fc_in,fc_out under the paper's protocol]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) matrices: Option<Vec<String>>,
    /// Reductions to try: fractions of the largest rank, or any reduction of docs/reductions.md, such as band(0..0.1),
    /// random(0.1,7), magnitude(0.1), whitened(0.1) or drop-bulk [default: 0.9,0.8,0.6,0.4,0.2,0.1,0.05,0.01]
    #[arg(long, value_name = "LIST", value_parser = reductions)]
    pub(crate) rho: Option<ReductionList>,
    #[command(flatten)]
    pub(crate) strategy: StrategyArgs,
    /// How items are split: honest (three disjoint splits), or paper (the first 20 % choose the winner, the rest measure it)
    #[arg(long, value_enum, default_value = "honest")]
    pub(crate) protocol: ProtocolName,
    /// Measure to improve: accuracy (log-loss decides between equals), log-loss, or margin (the lead of the right answer
    /// over its best rival, within ±10 nats). Tasks with the score perplexity always count by their log-probability a
    /// token, in nats: the mean over windows nearly equal in length
    #[arg(long, default_value = "accuracy", value_name = "MEASURE", value_parser = library_value::<Measure>)]
    pub(crate) objective: Measure,
    /// How several tasks count: mean, worst, or weighted:0.7,0.3 (one weight for each task without a guard; perplexity
    /// counts in nats a token and accuracy as a share, so weigh them)
    #[arg(long, default_value = "mean", value_name = "HOW", value_parser = library_value::<Aggregate>)]
    pub(crate) aggregate: Aggregate,
    /// A task that must not become worse by more than MAX_DROP and counts in no other way: shares of the items for
    /// accuracy (0.01: one point), nats an item for log-loss and margin, nats a token for perplexity, whatever the
    /// objective is (wikitext-2:0.05: its perplexity may rise by about 5 %); repeatable
    #[arg(long, value_name = "NAME:MAX_DROP")]
    pub(crate) guard: Vec<String>,
    /// Number of edits that go from the search split to the validation split
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub(crate) finalists: usize,
    /// Largest rise of the log-loss of ordinary text that an edit may cause, nats a token, such as 0.1
    #[arg(long, value_name = "NATS")]
    pub(crate) max_damage: Option<f64>,
    /// Do not measure what edits cost elsewhere
    #[arg(long)]
    pub(crate) no_side_effects: bool,
    /// Exit with status 1 unless the test split proves a gain
    #[arg(long)]
    pub(crate) require_gain: bool,
    /// Seed of the order of items, of the bootstrap and of the permutations
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for the results
    #[arg(long, default_value = "laser-run", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Also write the winner as a model: a new folder, a .gguf file, or a small .safetensors file (`laser apply --format delta`)
    #[arg(long, value_name = "PATH")]
    pub(crate) write_model: Option<PathBuf>,
    /// Continue the run in that folder, with its settings
    #[arg(long)]
    pub(crate) resume: bool,
    /// Let several processes search together, with the same result: local:N on this machine, or slurm:N as an array job,
    /// whose options for sbatch may follow after `--`
    #[arg(long, value_name = "WHERE:N", conflicts_with = "max_time")]
    pub(crate) workers: Option<Workers>,
    /// Options for sbatch
    #[arg(last = true, requires = "workers", value_name = "SBATCH OPTIONS")]
    pub(crate) launcher_options: Vec<String>,
    /// Print what would be tried, and the time and memory it would take, and try nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Offer no menu at the end (on a terminal)
    #[arg(long)]
    pub(crate) no_menu: bool,
}

/// Stages of a search, their settings and the limits of its work.
#[derive(Debug, Clone, Args)]
pub(crate) struct StrategyArgs {
    /// Stages joined by `+`: a screen (gradient, spectral), a judge (exhaustive, race), a composition (greedy, beam)
    /// [default: gradient+race+greedy; exhaustive under the paper's protocol]
    #[arg(long, value_name = "PLAN", value_parser = library_value::<Plan>)]
    pub(crate) strategy: Option<Plan>,
    /// End the whole command after about this time, such as 90s, 20m or 2h: trials end early enough for the proof
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) max_time: Option<Duration>,
    /// End after this many trials
    #[arg(long, value_name = "N")]
    pub(crate) max_trials: Option<usize>,
    /// End after this many scored items, summed over trials
    #[arg(long, value_name = "N")]
    pub(crate) max_items: Option<usize>,
    /// Number of edits kept after screening [default: 24]
    #[arg(long, value_name = "N")]
    pub(crate) candidates: Option<usize>,
    /// Number of items whose gradients the gradient screen takes [default: 150]
    #[arg(long, value_name = "N")]
    pub(crate) screen_items: Option<usize>,
    /// Property that the spectral screen ranks by: marchenko-pastur, effective-rank, energy or snr [default: marchenko-pastur]
    #[arg(long, value_name = "NAME", value_parser = library_value::<Criterion>)]
    pub(crate) criterion: Option<Criterion>,
    /// A race drops an edit whose probability of being ahead after all items is below this [default: 0.05]
    #[arg(long, value_name = "P")]
    pub(crate) error_rate: Option<f64>,
    /// Order in which greedy visits matrices: best (the most promising next, by the gradient at the current composition),
    /// deep (last layer first, as in the paper) or shallow [default: best]
    #[arg(long, value_name = "ORDER", value_parser = library_value::<GreedyOrder>)]
    pub(crate) greedy_order: Option<GreedyOrder>,
    /// Number of times greedy visits all matrices, at most; with the order best, number of reductions added [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) greedy_passes: Option<usize>,
    /// Number of compositions that beam extends [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) beam_width: Option<usize>,
}
