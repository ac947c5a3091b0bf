//! The parts of a harness task that only the harness's results need.

use serde_json::Value;

use super::metric::Metric;
use super::output_type::OutputType;

/// The parts of a task file that a [`Task`](crate::Task) has no field for; they are needed to write results as the
/// harness writes them.
#[derive(Debug, Clone)]
pub struct Definition {
    /// `output_type` of the task file.
    pub output_type: OutputType,
    /// Metrics in the order of `metric_list`; the first decides the task's default score.
    pub metrics: Vec<Metric>,
    /// `metadata.version` of the task file, or the text `Yaml` if it has none.
    pub version: Value,
    /// Target of each item as the harness writes it into a sample: a text, an index or a list, as Python's `str`.
    pub targets: Vec<String>,
}
