//! Reasons why a report cannot be rendered.

use laser_statistics::Split;

/// Failure to render a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The results have no scores of the unedited model on the split whose trials are drawn.
    #[error("results, base: expected scores on the `{expected}` split, found {found:?}")]
    MissingSplit {
        /// The missing split.
        expected: Split,
        /// The splits that have scores.
        found: Vec<Split>,
    },
    /// The page template does not fit the data.
    #[error("report template")]
    Template(#[from] minijinja::Error),
}
