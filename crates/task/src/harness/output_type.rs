//! The kind of result that a model computes for each row: one log-likelihood, several, or a generated text.

use crate::score::Score;

/// The harness's `output_type`: what a model computes for each row of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputType {
    /// `loglikelihood`: the log-likelihood of a target after a context.
    Loglikelihood,
    /// `loglikelihood_rolling`: the log-likelihood of a whole text without a context.
    LoglikelihoodRolling,
    /// `multiple_choice`: the log-likelihood of each choice after a context.
    MultipleChoice,
    /// `generate_until`: a text generated after a context.
    GenerateUntil,
}

impl OutputType {
    /// The harness's name of each value.
    pub(super) const NAMES: [(&'static str, Self); 4] = [
        ("loglikelihood", Self::Loglikelihood),
        ("loglikelihood_rolling", Self::LoglikelihoodRolling),
        ("multiple_choice", Self::MultipleChoice),
        ("generate_until", Self::GenerateUntil),
    ];

    /// The value with a name of the harness, or `None` for an unknown name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The harness's name, such as `multiple_choice`.
    pub fn name(self) -> &'static str {
        crate::named::name(&Self::NAMES, &self)
    }

    /// The output type that gives what a score needs.
    pub fn of_score(score: Score) -> Self {
        match score {
            Score::Top1 | Score::Greedy => Self::Loglikelihood,
            Score::Generate { .. } | Score::Fill { .. } | Score::Play => Self::GenerateUntil,
            Score::Choice { .. } => Self::MultipleChoice,
            Score::Perplexity { .. } => Self::LoglikelihoodRolling,
        }
    }
}
