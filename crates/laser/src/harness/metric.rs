//! Metrics by the harness's definitions: `metric_list`, the value of one item, and the value of all with its error.

use serde_json::{Value, json};

use super::keys::Keys;
use super::python::is_space;
use super::{OutputType, stderr};
use crate::error::Result;
use crate::score::{Length, Likelihood, Match};
use crate::task::Item;

/// A metric of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Metric {
    pub(crate) kind: Kind,
    pub(crate) higher_is_better: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
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

/// The value of one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measured {
    /// A number, such as 1 for right.
    Number(f64),
    /// A log-likelihood and the words or bytes it is of.
    Weighted(f64, usize),
}

/// What a metric looks at.
pub(crate) struct Answered<'a> {
    pub(crate) item: &'a Item,
    /// Every choice, or the target.
    pub(crate) candidates: &'a [Likelihood],
    /// The generated text after a pipeline of filters; empty where there is none.
    pub(crate) text: &'a str,
    /// Whether the task's score calls it right.
    pub(crate) right: bool,
}

const EXACT: Kind = Kind::ExactMatch { ignore_case: false, ignore_punctuation: false };

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
pub(crate) fn defaults(output_type: OutputType) -> Vec<Metric> {
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
    pub(crate) const RIGHT: Self = Self { kind: Kind::Right, higher_is_better: true };

    /// Its name in the harness.
    pub(crate) fn name(&self) -> &'static str {
        let same = |kind: &Kind| std::mem::discriminant(kind) == std::mem::discriminant(&self.kind);
        TABLE.iter().find(|row| same(&row.1)).expect("every kind is in the table").0
    }

    /// The value of one item.
    pub(crate) fn measure(&self, answered: &Answered<'_>) -> Measured {
        let Answered { item, candidates, text, right } = answered;
        let number = |holds: bool| Measured::Number(f64::from(u8::from(holds)));
        let gold = &candidates[item.gold];
        match self.kind {
            Kind::Right => number(*right),
            Kind::Acc if item.choices.is_empty() => number(gold.greedy),
            Kind::Acc => number(likeliest(item, candidates, Length::Sum) == item.gold),
            Kind::AccNorm => number(likeliest(item, candidates, Length::PerCharacter) == item.gold),
            Kind::ExactMatch { .. } if !item.choices.is_empty() => number(gold.greedy),
            Kind::ExactMatch { ignore_case, ignore_punctuation } => {
                number(Match::Equal { ignore_case, ignore_punctuation }.accepts("", text, &item.answers))
            }
            Kind::Perplexity => Measured::Number(gold.logprob),
            Kind::WordPerplexity => Measured::Weighted(gold.logprob, words(item.target())),
            Kind::BytePerplexity | Kind::BitsPerByte => Measured::Weighted(gold.logprob, item.target().len()),
        }
    }

    /// The value of all items.
    pub(crate) fn aggregate(&self, values: &[Measured]) -> f64 {
        let (sum, weight) = values.iter().fold((0.0, 0.0), |(sum, weight), value| match value {
            Measured::Number(x) => (sum + x, weight + 1.0),
            Measured::Weighted(x, n) => (sum + x, weight + *n as f64),
        });
        match self.kind {
            Kind::Right | Kind::Acc | Kind::AccNorm | Kind::ExactMatch { .. } => sum / weight,
            Kind::Perplexity | Kind::WordPerplexity | Kind::BytePerplexity => (-sum / weight).exp(),
            Kind::BitsPerByte => -(sum / weight) / std::f64::consts::LN_2,
        }
    }

    /// Its standard error; none where the harness has none (the perplexity of texts) or for a single item.
    pub(crate) fn stderr(&self, values: &[Measured]) -> Option<f64> {
        let numbers: Vec<f64> =
            values.iter().filter_map(|v| if let Measured::Number(x) = v { Some(*x) } else { None }).collect();
        match self.kind {
            _ if numbers.len() < 2 => None,
            Kind::Perplexity => Some(stderr::of_perplexity(&numbers, stderr::ITERATIONS)),
            _ => Some(stderr::of_mean(&numbers)),
        }
    }
}

impl Measured {
    /// As it stands in a sample: a number, or the log-likelihood with its words or bytes.
    pub(crate) fn json(self) -> Value {
        match self {
            Self::Number(x) => json!(x),
            Self::Weighted(x, n) => json!([x, n]),
        }
    }
}

/// The first of the likeliest choices.
fn likeliest(item: &Item, candidates: &[Likelihood], length: Length) -> usize {
    let score = |i: &usize| candidates[*i].logprob / length.of(&item.choices[*i]);
    (0..candidates.len()).rev().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or(0)
}

/// Words as the harness counts them: one more than there are runs of blanks.
fn words(text: &str) -> usize {
    let mut blank = false;
    let runs = text.chars().filter(|c| {
        let starts = is_space(*c) && !blank;
        blank = is_space(*c);
        starts
    });
    runs.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered<'a>(item: &'a Item, candidates: &'a [Likelihood], text: &'a str) -> Answered<'a> {
        Answered { item, candidates, text, right: false }
    }

    fn metric(kind: Kind) -> Metric {
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
        let right = |kind, gold| metric(kind).measure(&answered(&item(gold), &candidates, "")) == Measured::Number(1.0);
        assert_eq!([0, 1, 2].map(|gold| right(Kind::Acc, gold)), [false, true, false], "the first of equals");
        // −0.5, −2 and −2/3 a character.
        assert_eq!([0, 1, 2].map(|gold| right(Kind::AccNorm, gold)), [true, false, false]);
        assert_eq!([0, 1, 2].map(|gold| right(EXACT, gold)), [false, true, true]);
    }

    #[test]
    fn texts_are_matched_as_the_metric_says() {
        let item = Item { answers: vec!["It's 5".to_owned(), "five".to_owned()], ..Item::default() };
        let gold = [Likelihood { logprob: -1.0, greedy: false }];
        let matches = |ignore_case, ignore_punctuation, text| {
            let kind = Kind::ExactMatch { ignore_case, ignore_punctuation };
            metric(kind).measure(&answered(&item, &gold, text)) == Measured::Number(1.0)
        };
        assert!(matches(false, false, "five") && !matches(false, false, " five") && !matches(false, false, "Five"));
        assert!(matches(true, false, "IT'S 5") && !matches(true, false, "its 5"));
        assert!(matches(true, true, "its 5!") && matches(false, true, "Its 5") && !matches(false, true, "its 5"));
    }

    #[test]
    fn texts_have_words_and_bytes() {
        let item = Item { answers: vec![" é b\u{1f}\n c".to_owned()], ..Item::default() };
        let gold = [Likelihood { logprob: -12.0, greedy: false }];
        let of = |kind| metric(kind).measure(&answered(&item, &gold, ""));
        // `len(re.split(r"\s+", " é b\x1f\n c"))` is 4.
        assert_eq!(of(Kind::WordPerplexity), Measured::Weighted(-12.0, 4));
        assert_eq!(of(Kind::BytePerplexity), Measured::Weighted(-12.0, 9));
        let both = [Measured::Weighted(-12.0, 4), Measured::Weighted(-4.0, 4)];
        assert!((metric(Kind::WordPerplexity).aggregate(&both) - 2f64.exp()).abs() < 1e-12);
        assert!((metric(Kind::BitsPerByte).aggregate(&both) - 2.0 / 2f64.ln()).abs() < 1e-12);
        assert_eq!(metric(Kind::WordPerplexity).stderr(&both), None);
    }

    #[test]
    fn all_items_have_a_mean_and_its_error() {
        let values = [1.0, 0.0, 0.0, 1.0, 1.0].map(Measured::Number);
        let acc = metric(Kind::Acc);
        assert_eq!(acc.aggregate(&values), 0.6);
        // √(1.2 / 4) / √5.
        assert!((acc.stderr(&values).expect("five items") - (0.3f64 / 5.0).sqrt()).abs() < 1e-12);
        assert_eq!(acc.stderr(&values[..1]), None);
        let logprobs = [-1.0, -3.0].map(Measured::Number);
        assert!((metric(Kind::Perplexity).aggregate(&logprobs) - 2f64.exp()).abs() < 1e-12);
    }
}
