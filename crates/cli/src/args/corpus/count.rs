//! Arguments of `laser corpus count`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Comparison of letters.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CaseName {
    /// Capitals and small letters differ
    Exact,
    /// They are equal
    Fold,
}

/// Bounds of a mention.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BoundsName {
    /// No letter or digit before and after it
    Word,
    /// Anywhere, as scripts without blanks need it
    Any,
}

#[derive(Debug, Args)]
pub(crate) struct CorpusCount {
    /// A built-in task, or a file of questions. The subject of an item is its field `subject`, else its group
    pub(crate) task: String,
    /// Data of a built-in task that needs some: a file or folder
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// Files of the corpus: .jsonl, .json, .txt or .warc.wet, also compressed (.gz, .zst), and .parquet
    #[arg(long, num_args = 1.., required = true, value_name = "FILES")]
    pub(crate) corpus: Vec<PathBuf>,
    /// Key of the text in JSON, column of the text in Parquet
    #[arg(long, default_value = "text", value_name = "KEY")]
    pub(crate) field: String,
    /// Bounds of the documents of a .txt file: file (it is one document), blank-lines, or a line that stands between them
    #[arg(long, default_value = "file", value_name = "HOW")]
    pub(crate) split: String,
    /// Comparison of letters
    #[arg(long, value_enum, default_value = "exact")]
    pub(crate) case: CaseName,
    /// Bounds of a mention
    #[arg(long, value_enum, default_value = "word")]
    pub(crate) bounds: BoundsName,
    /// Largest distance of a subject and an answer that count together, in words [default: the document]
    #[arg(long, value_name = "WORDS")]
    pub(crate) window: Option<u32>,
    /// Other names, a line of {"name","aliases"} for each subject or answer
    #[arg(long, value_name = "FILE")]
    pub(crate) aliases: Option<PathBuf>,
    /// Count documents of equal bytes once
    #[arg(long)]
    pub(crate) dedup: bool,
    /// File for the counts, one line an item; NAME.journal beside it keeps the finished files of the corpus until the end,
    /// so that the same command goes on after a stop
    #[arg(long, default_value = "freq.jsonl", value_name = "FILE")]
    pub(crate) out: PathBuf,
}
