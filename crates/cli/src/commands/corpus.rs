//! `laser corpus`: how often a corpus mentions the facts of a task, and what that has to do with the gains of an edit.

mod count;
mod parquet_shard;
mod relate;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Corpus, CorpusCommand, Global};
use crate::progress::Progress;

pub(super) fn run(args: &Corpus, global: &Global, progress: &Progress) -> Result<ExitCode> {
    match &args.command {
        CorpusCommand::Count(args) => count::run(args, global, progress),
        CorpusCommand::Relate(args) => relate::run(args, global),
    }
}
