//! Metrics by the harness's definitions: `metric_list`, the value of one item, and the value of all with its error.

use serde_json::json;

use super::definition::OutputType;
use super::keys::Keys;
use super::python::is_space;
use crate::error::Result;

/// A metric of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    pub kind: Kind,
    pub higher_is_better: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The score of a task that is not the harness's calls the item right; under the name `acc`.
    Right,
    /// The right choice is the likeliest; or greedy decoding would say the target.
    Acc,
    /// The right choice is the likeliest by the character.
    AccNorm,
    /// The text is a target; of choices, greedy decoding would say the right one.
    ExactMatch { ignore_case: bool, ignore_punctuation: bool },
    /// exp(−mean log-likelihood of the targets).
    Perplexity,
    /// exp(−log-likelihood of all texts a word of them).
    WordPerplexity,
    /// exp(−log-likelihood of all texts a byte of them).
    BytePerplexity,
    /// Its logarithm to the base 2.
    BitsPerByte,
}

pub const EXACT: Kind = Kind::ExactMatch { ignore_case: false, ignore_punctuation: false };

/// Name, kind, aggregation, whether more is better, and the outputs it measures.
const TABLE: [(&str, Kind, &str, bool, &[OutputType]); 8] = [
    ("acc", Kind::Right, "mean", true, &[]),
    ("acc", Kind::Acc, "mean", true, &[OutputType::Loglikelihood, OutputType::MultipleChoice]),
    ("acc_norm", Kind::AccNorm, "mean", true, &[OutputType::MultipleChoice]),
    ("exact_match", EXACT, "mean", true, &[OutputType::GenerateUntil, OutputType::MultipleChoice]),
    ("perplexity", Kind::Perplexity, "perplexity", false, &[OutputType::Loglikelihood]),
    ("word_perplexity", Kind::WordPerplexity, "weighted_perplexity", false, &[OutputType::LoglikelihoodRolling]),
    ("byte_perplexity", Kind::BytePerplexity, "weighted_perplexity", false, &[OutputType::LoglikelihoodRolling]),
    ("bits_per_byte", Kind::BitsPerByte, "bits_per_byte", false, &[OutputType::LoglikelihoodRolling]),
];

/// The harness's metrics of a task that names none.
pub fn defaults(output_type: OutputType) -> Vec<Metric> {
    let names: &[&str] = match output_type {
        OutputType::Loglikelihood => &["perplexity", "acc"],
        OutputType::LoglikelihoodRolling => &["word_perplexity", "byte_perplexity", "bits_per_byte"],
        OutputType::MultipleChoice => &["acc", "acc_norm"],
        OutputType::GenerateUntil => &["exact_match"],
    };
    let metric = |name: &&str| {
        let row = TABLE.iter().find(|row| row.0 == *name && row.4.contains(&output_type));
        let (_, kind, _, higher_is_better, _) = *row.expect("the defaults are in the table");
        Metric { kind, higher_is_better }
    };
    names.iter().map(metric).collect()
}

/// Reads `metric_list`.
pub(super) fn read(keys: &mut Keys<'_>, output_type: OutputType) -> Result<Vec<Metric>> {
    let Some(list) = keys.list("metric_list")? else { return Ok(defaults(output_type)) };
    if list.is_empty() {
        return Err(keys.wrong("metric_list", "expected at least one metric, found none"));
    }
    let mut metrics = Vec::<Metric>::new();
    for mut own in list {
        let suits = |row: &&(&str, Kind, &str, bool, &[OutputType])| row.4.contains(&output_type);
        let name = own.text("metric")?.unwrap_or_default();
        let row = TABLE.iter().filter(suits).find(|row| row.0 == name);
        let Some(&(_, mut kind, aggregation, mut higher_is_better, _)) = row else {
            let known: Vec<&str> = TABLE.iter().filter(suits).map(|row| row.0).collect();
            let problem = format!("expected one of {} for `{}`, found `{name}`", known.join(", "), output_type.name());
            return Err(own.wrong("metric", problem));
        };
        own.only("aggregation", &[json!(aggregation)])?;
        higher_is_better = own.flag("higher_is_better")?.unwrap_or(higher_is_better);
        if kind == EXACT && output_type == OutputType::GenerateUntil {
            kind = Kind::ExactMatch {
                ignore_case: own.flag("ignore_case")?.unwrap_or(false),
                ignore_punctuation: own.flag("ignore_punctuation")?.unwrap_or(false),
            };
        }
        if metrics.iter().any(|metric| metric.name() == name) {
            return Err(own.wrong("metric", format!("expected different metrics, found `{name}` twice")));
        }
        own.end()?;
        metrics.push(Metric { kind, higher_is_better });
    }
    Ok(metrics)
}

impl Metric {
    /// What a score calls right.
    pub const RIGHT: Self = Self { kind: Kind::Right, higher_is_better: true };

    /// Its name in the harness.
    pub fn name(&self) -> &'static str {
        let same = |kind: &Kind| std::mem::discriminant(kind) == std::mem::discriminant(&self.kind);
        TABLE.iter().find(|row| same(&row.1)).expect("every kind is in the table").0
    }
}
