//! Arguments that choose tasks, their items and their scores.

use std::path::PathBuf;

use clap::Args;
use laser::statistics::Fractions;
use laser::task::chat::Date;
use laser::task::{Match, Profile, QuestionSettings, Score};

use super::values::{fractions, library_value, listed_paths};

/// Templates and other settings of files of questions, for those whose layout is not known.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct QuestionArgs {
    /// Prompt of a file of questions: Jinja over a record's fields, '{{ statement }} True or false?', or a field's name
    /// [default: as the file's layout says; `laser tasks show FILE` shows it]
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) prompt: Option<String>,
    /// Right answer, '{{ "true" if label == 1 else "false" }}', or a list of it and its aliases
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) answer: Option<String>,
    /// Choices, a list: '{{ [a, b] }}'
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) choices: Option<String>,
    /// Right choice: its index from 0, its letter or its text; '{{ label - 1 }}'
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) gold: Option<String>,
    /// Key of the list of records in a JSON document, `data.examples` inside another [default: the only list]
    #[arg(long, value_name = "KEY")]
    pub(crate) records: Option<String>,
    /// Text between prompt and answer, as the field target_delimiter of a record [default: a blank, unless the prompt ends
    /// in one]
    #[arg(long, value_name = "TEXT")]
    pub(crate) target_delimiter: Option<String>,
}

impl QuestionArgs {
    /// The settings as the library takes them.
    pub(crate) fn settings(&self) -> QuestionSettings {
        let Self { prompt, answer, choices, gold, records, target_delimiter } = self.clone();
        QuestionSettings { prompt, answer, choices, gold, records, target_delimiter }
    }
}

/// Tasks, their data, their scores and their splits.
#[derive(Debug, Clone, Args)]
pub(crate) struct TaskArgs {
    /// A built-in task (see `laser tasks`), a JSON, JSONL, CSV, TSV or Parquet file of questions (see `laser tasks show
    /// FILE`), `-` for one on standard input, or a YAML task of lm-evaluation-harness; several joined by commas
    #[arg(long, required = true, value_name = "TASKS")]
    pub(crate) task: Vec<String>,
    /// Data of the built-in tasks that need some, in their order: files, folders, or hf:ORG/NAME[@REV]
    /// [default: the task's data set on the Hugging Face Hub]
    #[arg(long, value_name = "PATHS")]
    pub(crate) data: Vec<String>,
    #[command(flatten)]
    pub(crate) questions: QuestionArgs,
    /// Leave out and count malformed rows of data, and items that are too long for the model, instead of refusing the file
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
    /// Longest generated text, in tokens [default: 10, or up to 64 for a file whose answers are longer]
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

impl TaskArgs {
    /// The tasks, one by one.
    pub(crate) fn tasks(&self) -> Vec<String> {
        listed_paths(&self.task)
    }

    /// The data, one by one.
    pub(crate) fn data(&self) -> Vec<String> {
        listed_paths(&self.data)
    }
}
