//! Arguments that choose tasks, their items and their scores.

use std::path::PathBuf;

use clap::Args;
use laser::statistics::Fractions;
use laser::task::chat::Date;
use laser::task::{Match, Profile, Score};

use super::values::{fractions, library_value};

/// Tasks, their data, their scores and their splits.
#[derive(Debug, Clone, Args)]
pub(crate) struct TaskArgs {
    /// A built-in task (see `laser tasks`), a JSON, JSONL, CSV, TSV or Parquet file of {"question","answer"} or
    /// {"question","choices","gold"}, or a YAML task of lm-evaluation-harness; several joined by commas
    #[arg(long, value_delimiter = ',', required = true, value_name = "TASKS")]
    pub(crate) task: Vec<String>,
    /// Data of the built-in tasks that need some, in their order: files, folders, or hf:ORG/NAME[@REV]
    /// [default: the task's data set on the Hugging Face Hub]
    #[arg(long, value_delimiter = ',', value_name = "PATHS")]
    pub(crate) data: Vec<String>,
    /// Leave out and count malformed rows of data instead of refusing the file
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// Prompts and scores of built-in tasks: clean (corrected), or paper (as in the paper's code, quirks included;
    /// `laser tasks show NAME` lists them)
    #[arg(long, default_value = "clean", value_name = "PROFILE", value_parser = library_value::<Profile>)]
    pub(crate) profile: Profile,
    /// top1 (the next token), greedy (the whole answer), generate, choice, choice-per-byte, choice-per-character or
    /// perplexity; one for all tasks or one for each, joined by commas [default: the task's]
    #[arg(long, value_delimiter = ',', value_name = "SCORES", value_parser = library_value::<Score>)]
    pub(crate) score: Vec<Score>,
    /// Rule by which a generated text is right: continuation (it contains the answer), prompt+continuation (either contains
    /// it), word (contained as a word) or exact (the first line is the answer)
    #[arg(long = "match", value_name = "KIND", value_parser = library_value::<Match>)]
    pub(crate) matching: Option<Match>,
    /// Longest generated text, in tokens [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<usize>,
    /// Number of examples before each question of a YAML task [default: the task's]
    #[arg(long, value_name = "N")]
    pub(crate) num_fewshot: Option<usize>,
    /// Seed of these examples
    #[arg(long, default_value_t = 1234, value_name = "SEED")]
    pub(crate) fewshot_seed: u64,
    /// Folder with YAML tasks that --task may name; repeatable
    #[arg(long, value_name = "DIR")]
    pub(crate) include_path: Vec<PathBuf>,
    /// Put each question into the model's own chat template, as a user's turn; texts whose perplexity is measured stay
    /// as they are
    #[arg(long)]
    pub(crate) apply_chat_template: bool,
    /// System message before each question
    #[arg(long, value_name = "TEXT", requires = "apply_chat_template")]
    pub(crate) system_instruction: Option<String>,
    /// Date given to chat templates that print the current date
    #[arg(long, value_name = "YYYY-MM-DD", requires = "apply_chat_template", value_parser = library_value::<Date>)]
    pub(crate) chat_date: Option<Date>,
    /// Use the first N items of each task only
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Seed of the splits
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) split_seed: u64,
    /// Shares of the search and validation splits; the rest is the test split
    #[arg(long, default_value = "0.4,0.2", value_name = "SEARCH,VALIDATION", value_parser = fractions)]
    pub(crate) split_fractions: Fractions,
}
