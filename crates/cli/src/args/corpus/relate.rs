//! Arguments of `laser corpus relate`.

use std::path::PathBuf;

use clap::Args;
use laser::frequency::DEFAULT_EDGES;

use crate::args::SplitName;

#[derive(Debug, Args)]
pub(crate) struct CorpusRelate {
    /// Run folder of a search, whose winner is compared with the unedited model
    #[arg(required_unless_present = "base", conflicts_with_all = ["base", "edited"])]
    pub(crate) run: Option<PathBuf>,
    /// Folder of an evaluation of the unedited model, instead of a search
    #[arg(long, requires = "edited", value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// Folder of an evaluation of the edited model on the same items
    #[arg(long, requires = "base", value_name = "DIR")]
    pub(crate) edited: Option<PathBuf>,
    /// Counts: the file of `laser corpus count`, or lines of {"id","count"}
    #[arg(long, value_name = "FILE")]
    pub(crate) frequency: PathBuf,
    /// Edges of the bins, documents
    #[arg(long, value_delimiter = ',', value_name = "LIST", default_values_t = DEFAULT_EDGES)]
    pub(crate) bins: Vec<u64>,
    /// Split of the items [default: test for a search, which chose its winner on the others; all for evaluations]
    #[arg(long, value_enum)]
    pub(crate) split: Option<SplitName>,
    /// Task whose items are related, where the run has several
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Leave out counts of items that the run has not, instead of refusing the file
    #[arg(long)]
    pub(crate) ignore_unknown: bool,
    /// Bootstrap resamples of the intervals
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) resamples: usize,
    /// Permutations of the tests
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub(crate) permutations: usize,
    /// Seed of both
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for frequency.json and report.html [default: `frequency` in the folder of the run or of the edited model]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
