//! Values of the harness's metrics: of one document, of all documents, and the standard error.

use serde_json::{Value, json};

use laser_task::harness::python::is_space;
use laser_task::harness::{Metric, MetricKind, OutputType};
use laser_task::{Item, LengthNormalization, Match};

use super::stderr;
use crate::evaluate::outcome::Likelihood;

/// The value of a metric for one document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum MetricValue {
    /// A number to be averaged: 1 for right, 0 for wrong, or a log-likelihood in nats.
    Number(f64),
    /// Log-likelihood of a text in nats, and the number of its words or bytes.
    Weighted(f64, usize),
}

/// The parts of a document's outcome that metrics depend on.
pub(super) struct MetricInput<'a> {
    pub(super) item: &'a Item,
    /// What the score asked the model for. An item may have choices that the score did not look at.
    pub(super) output_type: OutputType,
    /// Log-likelihoods of the choices in their order, if they were asked for; else of the target, and of its aliases.
    pub(super) candidates: &'a [Likelihood],
    /// The generated text after the filters of a pipeline; empty if none was generated.
    pub(super) text: &'a str,
    /// Whether the item is right by the task's own score.
    pub(super) right: bool,
}

/// The right answer's log-likelihood among an item's `candidates`.
pub(super) fn gold_likelihood<'a>(
    item: &Item,
    output_type: OutputType,
    candidates: &'a [Likelihood],
) -> &'a Likelihood {
    match output_type {
        OutputType::MultipleChoice => &candidates[item.gold],
        // The target comes first, whatever its place among the item's choices.
        OutputType::Loglikelihood | OutputType::LoglikelihoodRolling | OutputType::GenerateUntil => &candidates[0],
    }
}

/// The value of a metric for one document.
pub(super) fn metric_value(metric: &Metric, input: &MetricInput<'_>) -> MetricValue {
    let MetricInput { item, output_type, candidates, text, right } = input;
    let number = |holds: bool| MetricValue::Number(f64::from(u8::from(holds)));
    let gold = gold_likelihood(item, *output_type, candidates);
    let is_choice = *output_type == OutputType::MultipleChoice;
    match metric.kind {
        MetricKind::Right => number(*right),
        MetricKind::Acc if !is_choice => number(gold.greedy),
        MetricKind::Acc => number(most_likely(item, candidates, LengthNormalization::Sum) == item.gold),
        MetricKind::AccNorm => number(most_likely(item, candidates, LengthNormalization::PerCharacter) == item.gold),
        MetricKind::ExactMatch { .. } if is_choice => number(gold.greedy),
        MetricKind::ExactMatch { ignore_case, ignore_punctuation } => {
            number(Match::Equal { ignore_case, ignore_punctuation }.accepts("", text, &item.answers))
        }
        MetricKind::Perplexity => MetricValue::Number(gold.logprob),
        MetricKind::WordPerplexity => MetricValue::Weighted(gold.logprob, count_words(item.target())),
        MetricKind::BytePerplexity | MetricKind::BitsPerByte => {
            MetricValue::Weighted(gold.logprob, item.target().len())
        }
    }
}

/// The value of a metric for all documents, by its `aggregation`.
pub(super) fn aggregate(metric: &Metric, values: &[MetricValue]) -> f64 {
    let (sum, weight) = values.iter().fold((0.0, 0.0), |(sum, weight), value| match value {
        MetricValue::Number(x) => (sum + x, weight + 1.0),
        MetricValue::Weighted(x, n) => (sum + x, weight + *n as f64),
    });
    match metric.kind {
        MetricKind::Right | MetricKind::Acc | MetricKind::AccNorm | MetricKind::ExactMatch { .. } => sum / weight,
        MetricKind::Perplexity | MetricKind::WordPerplexity | MetricKind::BytePerplexity => (-sum / weight).exp(),
        MetricKind::BitsPerByte => -(sum / weight) / std::f64::consts::LN_2,
    }
}

/// The standard error of [`aggregate`]; `None` for perplexities of whole texts, for which the harness has none, and for
/// a single document.
pub(super) fn standard_error(metric: &Metric, values: &[MetricValue]) -> Option<f64> {
    let numbers: Vec<f64> =
        values.iter().filter_map(|v| if let MetricValue::Number(x) = v { Some(*x) } else { None }).collect();
    match metric.kind {
        _ if numbers.len() < 2 => None,
        MetricKind::Perplexity => Some(stderr::of_perplexity(&numbers, stderr::BOOTSTRAP_RESAMPLES)),
        _ => Some(stderr::of_mean(&numbers)),
    }
}

impl MetricValue {
    /// The value as a sample contains it: the number, or the list of log-likelihood and count.
    pub(super) fn json(self) -> Value {
        match self {
            Self::Number(x) => json!(x),
            Self::Weighted(x, n) => json!([x, n]),
        }
    }
}

/// Index of the choice with the largest log-likelihood, divided by its `length`; the first of equals, as numpy's
/// `argmax` in the harness.
fn most_likely(item: &Item, candidates: &[Likelihood], length: LengthNormalization) -> usize {
    // `max_by` gives the last of equals, hence from the end.
    let score = |i: &usize| candidates[*i].logprob / length.of(&item.choices[*i]);
    (0..candidates.len()).rev().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or(0)
}

/// Number of words as the harness counts them, `len(re.split(r"\s+", text))`: one more than there are runs of
/// whitespace.
fn count_words(text: &str) -> usize {
    let mut in_space = false;
    let runs = text.chars().filter(|c| {
        let starts = is_space(*c) && !in_space;
        in_space = is_space(*c);
        starts
    });
    runs.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input<'a>(
        item: &'a Item,
        output_type: OutputType,
        candidates: &'a [Likelihood],
        text: &'a str,
    ) -> MetricInput<'a> {
        MetricInput { item, output_type, candidates, text, right: false }
    }

    fn metric(kind: MetricKind) -> Metric {
        Metric { kind, higher_is_better: true }
    }

    #[test]
    fn choices_are_compared_as_the_harness_compares_them() {
        let choices = ["long choice".to_owned(), "é".to_owned(), "tie".to_owned()];
        let item = |gold: usize| Item {
            choices: choices.to_vec(),
            answers: vec![choices[gold].clone()],
            gold,
            ..Item::default()
        };
        let likelihood = |logprob| Likelihood { logprob, greedy: logprob > -3.0 };
        let candidates = [-5.5, -2.0, -2.0].map(likelihood);
        let right = |kind, gold| {
            let item = item(gold);
            let input = input(&item, OutputType::MultipleChoice, &candidates, "");
            metric_value(&metric(kind), &input) == MetricValue::Number(1.0)
        };
        assert_eq!(
            [0, 1, 2].map(|gold| right(MetricKind::Acc, gold)),
            [false, true, false],
            "the first of equals is chosen"
        );
        // Log-likelihoods per character: −0.5, −2 and −2/3.
        assert_eq!([0, 1, 2].map(|gold| right(MetricKind::AccNorm, gold)), [true, false, false]);
        assert_eq!([0, 1, 2].map(|gold| right(MetricKind::EXACT_MATCH, gold)), [false, true, true]);
    }

    #[test]
    fn choices_that_were_not_asked_for_do_not_matter() {
        let item = Item {
            choices: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()],
            answers: vec!["c".to_owned()],
            gold: 2,
            ..Item::default()
        };
        let target = [Likelihood { logprob: -4.0, greedy: true }];
        let of = |kind, output_type, text| metric_value(&metric(kind), &input(&item, output_type, &target, text));
        assert_eq!(of(MetricKind::Acc, OutputType::Loglikelihood, ""), MetricValue::Number(1.0));
        assert_eq!(of(MetricKind::Perplexity, OutputType::Loglikelihood, ""), MetricValue::Number(-4.0));
        assert_eq!(of(MetricKind::EXACT_MATCH, OutputType::GenerateUntil, "c"), MetricValue::Number(1.0));
        assert_eq!(of(MetricKind::EXACT_MATCH, OutputType::GenerateUntil, "2"), MetricValue::Number(0.0));
        let bytes = of(MetricKind::BytePerplexity, OutputType::LoglikelihoodRolling, "");
        assert_eq!(bytes, MetricValue::Weighted(-4.0, 1));
        for output_type in [OutputType::Loglikelihood, OutputType::LoglikelihoodRolling, OutputType::GenerateUntil] {
            assert_eq!(of(MetricKind::Right, output_type, ""), MetricValue::Number(0.0));
        }
    }

    #[test]
    fn texts_are_compared_by_the_options_of_the_metric() {
        let item = Item { answers: vec!["It's 5".to_owned(), "five".to_owned()], ..Item::default() };
        let gold = [Likelihood { logprob: -1.0, greedy: false }];
        let matches = |ignore_case, ignore_punctuation, text| {
            let kind = MetricKind::ExactMatch { ignore_case, ignore_punctuation };
            let input = input(&item, OutputType::GenerateUntil, &gold, text);
            metric_value(&metric(kind), &input) == MetricValue::Number(1.0)
        };
        assert!(matches(false, false, "five") && !matches(false, false, " five") && !matches(false, false, "Five"));
        assert!(matches(true, false, "IT'S 5") && !matches(true, false, "its 5"));
        assert!(matches(true, true, "its 5!") && matches(false, true, "Its 5") && !matches(false, true, "its 5"));
    }

    #[test]
    fn perplexities_of_texts_are_per_word_and_byte() {
        let item = Item { answers: vec![" é b\u{1f}\n c".to_owned()], ..Item::default() };
        let gold = [Likelihood { logprob: -12.0, greedy: false }];
        let of = |kind| metric_value(&metric(kind), &input(&item, OutputType::LoglikelihoodRolling, &gold, ""));
        // `len(re.split(r"\s+", " é b\x1f\n c"))` is 4.
        assert_eq!(of(MetricKind::WordPerplexity), MetricValue::Weighted(-12.0, 4));
        assert_eq!(of(MetricKind::BytePerplexity), MetricValue::Weighted(-12.0, 9));
        let both = [MetricValue::Weighted(-12.0, 4), MetricValue::Weighted(-4.0, 4)];
        assert!((aggregate(&metric(MetricKind::WordPerplexity), &both) - 2f64.exp()).abs() < 1e-12);
        assert!((aggregate(&metric(MetricKind::BitsPerByte), &both) - 2.0 / 2f64.ln()).abs() < 1e-12);
        assert_eq!(standard_error(&metric(MetricKind::WordPerplexity), &both), None);
    }

    #[test]
    fn means_and_perplexities_have_standard_errors() {
        let values = [1.0, 0.0, 0.0, 1.0, 1.0].map(MetricValue::Number);
        let acc = metric(MetricKind::Acc);
        assert_eq!(aggregate(&acc, &values), 0.6);
        // s = √(1.2 / 4), divided by √5.
        assert!((standard_error(&acc, &values).expect("five items") - (0.3f64 / 5.0).sqrt()).abs() < 1e-12);
        assert_eq!(standard_error(&acc, &values[..1]), None);
        let logprobs = [-1.0, -3.0].map(MetricValue::Number);
        assert!((aggregate(&metric(MetricKind::Perplexity), &logprobs) - 2f64.exp()).abs() < 1e-12);
    }
}
