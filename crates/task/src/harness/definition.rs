//! What a harness task defines beyond its items: the kind of output, metrics, version and targets.

use serde_json::Value;

use super::metric::Metric;
use crate::score::Score;

/// What is asked of a model for every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputType {
    /// How likely a text is after a context.
    Loglikelihood,
    /// How likely a whole text is.
    LoglikelihoodRolling,
    /// How likely each of several texts is.
    MultipleChoice,
    /// What it says.
    GenerateUntil,
}

impl OutputType {
    pub const NAMES: [(&'static str, Self); 4] = [
        ("loglikelihood", Self::Loglikelihood),
        ("loglikelihood_rolling", Self::LoglikelihoodRolling),
        ("multiple_choice", Self::MultipleChoice),
        ("generate_until", Self::GenerateUntil),
    ];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Its name in the harness.
    pub fn name(self) -> &'static str {
        crate::named::name(&Self::NAMES, &self)
    }

    /// What a score asks.
    pub fn of(score: Score) -> Self {
        match score {
            Score::Top1 | Score::Greedy => Self::Loglikelihood,
            Score::Generate { .. } | Score::Fill { .. } => Self::GenerateUntil,
            Score::Choice { .. } => Self::MultipleChoice,
            Score::Perplexity { .. } => Self::LoglikelihoodRolling,
        }
    }
}

/// What a task file says beyond the task that was made of it.
#[derive(Debug, Clone)]
pub struct Definition {
    pub output_type: OutputType,
    pub metrics: Vec<Metric>,
    /// `metadata.version`, or `Yaml`.
    pub version: Value,
    /// The target of each item as the harness writes it.
    pub targets: Vec<String>,
}
