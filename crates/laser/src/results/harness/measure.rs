//! The harness's metrics of an evaluation: the value of one item, of all items, and its standard error.

use serde_json::{Value, json};

use laser_task::harness::metric::{Kind, Metric};
use laser_task::harness::python::is_space;
use laser_task::{Item, Length, Match};

use crate::evaluate::outcome::Likelihood;

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

/// The value of one item.
pub(super) fn measure(metric: &Metric, answered: &Answered<'_>) -> Measured {
    let Answered { item, candidates, text, right } = answered;
    let number = |holds: bool| Measured::Number(f64::from(u8::from(holds)));
    let gold = &candidates[item.gold];
    match metric.kind {
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
pub(super) fn aggregate(metric: &Metric, values: &[Measured]) -> f64 {
    let (sum, weight) = values.iter().fold((0.0, 0.0), |(sum, weight), value| match value {
        Measured::Number(x) => (sum + x, weight + 1.0),
        Measured::Weighted(x, n) => (sum + x, weight + *n as f64),
    });
    match metric.kind {
        Kind::Right | Kind::Acc | Kind::AccNorm | Kind::ExactMatch { .. } => sum / weight,
        Kind::Perplexity | Kind::WordPerplexity | Kind::BytePerplexity => (-sum / weight).exp(),
        Kind::BitsPerByte => -(sum / weight) / std::f64::consts::LN_2,
    }
}

/// Its standard error; none where the harness has none (the perplexity of texts) or for a single item.
pub(super) fn stderr(metric: &Metric, values: &[Measured]) -> Option<f64> {
    let numbers: Vec<f64> =
        values.iter().filter_map(|v| if let Measured::Number(x) = v { Some(*x) } else { None }).collect();
    match metric.kind {
        _ if numbers.len() < 2 => None,
        Kind::Perplexity => Some(super::stderr::of_perplexity(&numbers, super::stderr::ITERATIONS)),
        _ => Some(super::stderr::of_mean(&numbers)),
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
    use laser_task::harness::metric::EXACT;

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
        let right =
            |kind, gold| measure(&metric(kind), &answered(&item(gold), &candidates, "")) == Measured::Number(1.0);
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
            measure(&metric(kind), &answered(&item, &gold, text)) == Measured::Number(1.0)
        };
        assert!(matches(false, false, "five") && !matches(false, false, " five") && !matches(false, false, "Five"));
        assert!(matches(true, false, "IT'S 5") && !matches(true, false, "its 5"));
        assert!(matches(true, true, "its 5!") && matches(false, true, "Its 5") && !matches(false, true, "its 5"));
    }

    #[test]
    fn texts_have_words_and_bytes() {
        let item = Item { answers: vec![" é b\u{1f}\n c".to_owned()], ..Item::default() };
        let gold = [Likelihood { logprob: -12.0, greedy: false }];
        let of = |kind| measure(&metric(kind), &answered(&item, &gold, ""));
        // `len(re.split(r"\s+", " é b\x1f\n c"))` is 4.
        assert_eq!(of(Kind::WordPerplexity), Measured::Weighted(-12.0, 4));
        assert_eq!(of(Kind::BytePerplexity), Measured::Weighted(-12.0, 9));
        let both = [Measured::Weighted(-12.0, 4), Measured::Weighted(-4.0, 4)];
        assert!((aggregate(&metric(Kind::WordPerplexity), &both) - 2f64.exp()).abs() < 1e-12);
        assert!((aggregate(&metric(Kind::BitsPerByte), &both) - 2.0 / 2f64.ln()).abs() < 1e-12);
        assert_eq!(stderr(&metric(Kind::WordPerplexity), &both), None);
    }

    #[test]
    fn all_items_have_a_mean_and_its_error() {
        let values = [1.0, 0.0, 0.0, 1.0, 1.0].map(Measured::Number);
        let acc = metric(Kind::Acc);
        assert_eq!(aggregate(&acc, &values), 0.6);
        // √(1.2 / 4) / √5.
        assert!((stderr(&acc, &values).expect("five items") - (0.3f64 / 5.0).sqrt()).abs() < 1e-12);
        assert_eq!(stderr(&acc, &values[..1]), None);
        let logprobs = [-1.0, -3.0].map(Measured::Number);
        assert!((aggregate(&metric(Kind::Perplexity), &logprobs) - 2f64.exp()).abs() < 1e-12);
    }
}
