//! Arguments of `laser corpus`.

mod count;
mod relate;

use clap::{Args, Subcommand};

pub(crate) use count::{BoundsName, CaseName, CorpusCount};
pub(crate) use relate::CorpusRelate;

#[derive(Debug, Args)]
pub(crate) struct Corpus {
    #[command(subcommand)]
    pub(crate) command: CorpusCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CorpusCommand {
    /// Count the documents of a corpus that mention the subject, the answer, or both, of each item of a task
    Count(Box<CorpusCount>),
    /// Relate what an edit changes on each item to how often a corpus mentions it (the paper's figure 3)
    Relate(Box<CorpusRelate>),
}
