//! Options of a reproduction: data, edit, bounds, and the folder of its trials.

use std::path::PathBuf;

use laser::Edit;

/// Options of a reproduction.
#[derive(Debug, Clone)]
pub struct ReproduceOptions {
    /// Folder with the paper's data sets ([`crate::DATA_SETS`]).
    pub data: Option<PathBuf>,
    /// Use the first `limit` items of each data set only.
    pub limit: Option<usize>,
    /// Layers to edit; empty: all.
    pub layers: String,
    /// The edit to look at where an exhibit needs one; `None`: the one that a search finds.
    pub edit: Option<Edit>,
    /// File of counts for figure 3, as `laser corpus count` writes it.
    pub frequency: Option<PathBuf>,
    /// Folder of the trials.
    pub out: PathBuf,
}
