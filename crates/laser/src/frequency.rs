//! Frequency: joins how often a corpus mentions each item to what an edit changes on it, and asks whether gains follow
//! frequency (the paper's section 5.1.1 and figure 3).
//!
//! 1. [`FrequencyCounts`] reads a file of counts: one of `laser corpus count`, or a user's own.
//! 2. [`relate`](fn@relate) joins it to the samples of the unedited and the edited model, by item.
//! 3. A [`FrequencyRelation`] has the histogram of the counts ([`HistogramBar`]), accuracy against frequency
//!    ([`CurvePoint`]), rates by bins of frequency ([`FrequencyBin`]) and tests over all items ([`Associations`]), with the
//!    [`Coverage`] of the items by the counts; [`FrequencyRelation::page`] shows them.
//!
//! Rates and accuracies are fractions, log-probabilities are in nats.

mod associations;
mod bins;
mod counts;
mod curve;
mod histogram;
mod joined;
mod relate;
mod sections;

use serde::{Deserialize, Serialize};

pub use associations::{Associations, Correlation, Slope, Trend};
pub use bins::{DEFAULT_EDGES, FrequencyBin, Rate};
pub use counts::FrequencyCounts;
pub use curve::{Accuracies, CurvePoint};
pub use histogram::HistogramBar;
pub use joined::Coverage;
pub use relate::{RelateSettings, Related, relate};

/// Relation of an edit's gains to the frequency of items in a corpus: the contents of `frequency.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrequencyRelation {
    /// Sources of the numbers, as (name, value): runs, edit, file of counts.
    pub sources: Vec<(String, String)>,
    /// Settings.
    pub settings: RelateSettings,
    /// Items with a count, on which everything below is measured.
    pub items: usize,
    /// Number of groups of these items.
    pub groups: usize,
    /// Coverage of the items by the counts.
    pub coverage: Coverage,
    /// Number of items by count, in steps of half a power of ten (figure 3a).
    pub histogram: Vec<HistogramBar>,
    /// Accuracy on the items with at most so many documents (figure 3b).
    pub curve: Vec<CurvePoint>,
    /// Rates by bin (figure 3c).
    pub bins: Vec<FrequencyBin>,
    /// Tests over all items.
    pub associations: Associations,
    /// Remarks for the reader.
    pub notes: Vec<String>,
}
