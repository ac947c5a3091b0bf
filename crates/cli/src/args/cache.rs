//! Arguments of `laser cache`.

use clap::{Args, Subcommand, ValueEnum};
use laser::cache::CacheKind;

#[derive(Debug, Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List models and packages, and decompositions and hashes together; Hugging Face's own cache last
    List,
    /// Show how many bytes each kind takes
    Size,
    /// Remove what is kept, except Hugging Face's own cache
    Clear {
        /// Kinds to remove
        #[arg(value_enum, default_values_t = [KindName::Decompositions, KindName::Hashes, KindName::Models])]
        kinds: Vec<KindName>,
    },
}

/// Kinds of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindName {
    /// Decompositions of matrices, which are computed again
    Decompositions,
    /// Hashes of large files, which are read again
    Hashes,
    /// Models and data sets, which are fetched again
    Models,
}

impl KindName {
    /// The kinds of entries that it stands for.
    pub(crate) fn kinds(self) -> &'static [CacheKind] {
        match self {
            Self::Decompositions => &[CacheKind::Decomposition],
            Self::Hashes => &[CacheKind::Hash],
            Self::Models => &[CacheKind::Package, CacheKind::Repository],
        }
    }
}
