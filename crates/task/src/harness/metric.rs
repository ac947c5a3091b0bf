//! The harness's metrics: their names, and which output types each can measure.
//!
//! `metric_list` reads them from a task file; `laser::results::harness` computes their values.

use super::output_type::OutputType;

/// A metric of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// The quantity that is measured.
    pub kind: MetricKind,
    /// Whether a higher value is better, as results report it.
    pub higher_is_better: bool,
}

/// The quantity that a metric measures. Log-likelihoods are in nats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// 1 if the task's own score counts the item as right: for tasks that are not the harness's. Reported as `acc`.
    Right,
    /// `acc`: 1 if the right choice has the highest log-likelihood or, without choices, if greedy decoding gives the
    /// target.
    Acc,
    /// `acc_norm`: 1 if the right choice has the highest log-likelihood per character.
    AccNorm,
    /// `exact_match`: 1 if the generated text equals a target or, with choices, if greedy decoding gives the right
    /// choice.
    ExactMatch {
        /// Compare in lower case.
        ignore_case: bool,
        /// Compare without ASCII punctuation.
        ignore_punctuation: bool,
    },
    /// `perplexity`: exp(−mean log-likelihood of the targets).
    Perplexity,
    /// `word_perplexity`: exp(−log-likelihood of all texts / number of their words).
    WordPerplexity,
    /// `byte_perplexity`: exp(−log-likelihood of all texts / number of their bytes).
    BytePerplexity,
    /// `bits_per_byte`: the base-2 logarithm of [`MetricKind::BytePerplexity`].
    BitsPerByte,
}

impl MetricKind {
    /// `exact_match` that compares texts as they are.
    pub const EXACT_MATCH: Self = Self::ExactMatch { ignore_case: false, ignore_punctuation: false };
}

/// How task files describe a metric.
pub(super) struct MetricRow {
    pub(super) name: &'static str,
    pub(super) kind: MetricKind,
    /// The only `aggregation` that is supported for it.
    pub(super) aggregation: &'static str,
    /// `higher_is_better` if the file does not set it.
    pub(super) higher_is_better: bool,
    /// Output types that it can measure.
    pub(super) output_types: &'static [OutputType],
}

const fn row(
    name: &'static str,
    kind: MetricKind,
    aggregation: &'static str,
    higher_is_better: bool,
    output_types: &'static [OutputType],
) -> MetricRow {
    MetricRow { name, kind, aggregation, higher_is_better, output_types }
}

/// All metrics. `Right` comes first but fits no output type, so that a search by name and type never finds it.
pub(super) const METRICS: [MetricRow; 8] = [
    row("acc", MetricKind::Right, "mean", true, &[]),
    row("acc", MetricKind::Acc, "mean", true, &[OutputType::Loglikelihood, OutputType::MultipleChoice]),
    row("acc_norm", MetricKind::AccNorm, "mean", true, &[OutputType::MultipleChoice]),
    row("exact_match", MetricKind::EXACT_MATCH, "mean", true, &[OutputType::GenerateUntil, OutputType::MultipleChoice]),
    row("perplexity", MetricKind::Perplexity, "perplexity", false, &[OutputType::Loglikelihood]),
    row(
        "word_perplexity",
        MetricKind::WordPerplexity,
        "weighted_perplexity",
        false,
        &[OutputType::LoglikelihoodRolling],
    ),
    row(
        "byte_perplexity",
        MetricKind::BytePerplexity,
        "weighted_perplexity",
        false,
        &[OutputType::LoglikelihoodRolling],
    ),
    row("bits_per_byte", MetricKind::BitsPerByte, "bits_per_byte", false, &[OutputType::LoglikelihoodRolling]),
];

impl Metric {
    /// Whether the task's own score counts an item as right, reported as `acc`.
    pub const RIGHT: Self = Self { kind: MetricKind::Right, higher_is_better: true };

    /// The metrics that the harness gives a task without `metric_list`.
    pub fn defaults(output_type: OutputType) -> Vec<Self> {
        let names: &[&str] = match output_type {
            OutputType::Loglikelihood => &["perplexity", "acc"],
            OutputType::LoglikelihoodRolling => &["word_perplexity", "byte_perplexity", "bits_per_byte"],
            OutputType::MultipleChoice => &["acc", "acc_norm"],
            OutputType::GenerateUntil => &["exact_match"],
        };
        let metric = |name: &&str| {
            let row = METRICS.iter().find(|row| row.name == *name && row.output_types.contains(&output_type));
            let row = row.expect("the defaults are in the table");
            Self { kind: row.kind, higher_is_better: row.higher_is_better }
        };
        names.iter().map(metric).collect()
    }

    /// The harness's name, such as `acc_norm`.
    pub fn name(&self) -> &'static str {
        // Options such as `ignore_case` do not change the name.
        let same = |kind: &MetricKind| std::mem::discriminant(kind) == std::mem::discriminant(&self.kind);
        METRICS.iter().find(|row| same(&row.kind)).expect("every kind is in the table").name
    }
}
