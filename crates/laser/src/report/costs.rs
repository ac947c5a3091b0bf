//! Costs: takes the price of the winner, gives the table of what the edit costs, and the figure that the page shows in
//! large type.

use serde::Serialize;

use crate::price::{BeforeAfter, Price, WordingChange};
use crate::results::number_format::{count, percent, points, short_nats};

/// The section "What it costs" of the page.
#[derive(Debug, Serialize)]
pub(super) struct Costs {
    /// Change of the log-loss of ordinary text, nats a token.
    headline: String,
    /// Its 95 % interval; empty if there is none.
    interval: String,
    rows: Vec<CostRow>,
}

/// A row of the table, as formatted text; "base" is the unedited model.
#[derive(Debug, Serialize)]
struct CostRow {
    /// Name of the measure.
    subject: String,
    /// Figure of the base; empty where only the change is a figure.
    base: String,
    /// Figure of the winner.
    best: String,
    /// Change, with its unit.
    change: String,
    /// 95 % interval of the change; empty if there is none.
    interval: String,
    /// Explanation of the row, a sentence.
    meaning: String,
}

/// Formats the price.
pub(super) fn costs(price: &Price) -> Costs {
    let text = &price.text;
    let interval = interval(text.ci95, signed_nats);
    let divergence = |subject: &str, change: String, meaning: &str| CostRow {
        subject: subject.to_owned(),
        base: String::new(),
        best: String::new(),
        change,
        interval: String::new(),
        meaning: meaning.to_owned(),
    };
    let mut rows = vec![
        CostRow {
            subject: "ordinary text, perplexity".to_owned(),
            base: format!("{:.1}", text.perplexity.base),
            best: format!("{:.1}", text.perplexity.best),
            change: format!("{} nats a token", signed_nats(text.nats_per_token)),
            interval: interval.clone(),
            meaning: format!(
                "How much worse the edit makes the model at predicting {} tokens of text that has nothing to do with the \
                 task.",
                count(text.tokens)
            ),
        },
        divergence(
            "ordinary text, divergence",
            format!("{} nats a token", short_nats(text.divergence)),
            "How far the edit moves the model’s predictions on that text, for better or worse (Kullback–Leibler \
             divergence); 0 is not at all.",
        ),
    ];
    rows.extend(price.divergence_on_prompts.map(|nats| {
        divergence(
            "task’s prompts, divergence",
            format!("{} nats", short_nats(nats)),
            "The same for the token that follows a prompt of the task, where the edit is meant to change predictions.",
        )
    }));
    rows.extend(price.repetition.as_ref().map(repetition));
    rows.extend(price.wordings.iter().map(wording));
    Costs { headline: signed_nats(text.nats_per_token), interval, rows }
}

fn repetition(BeforeAfter { base, best }: &BeforeAfter) -> CostRow {
    CostRow {
        subject: "answers that repeat themselves".to_owned(),
        base: percent(*base),
        best: percent(*best),
        change: format!("{} points", points(best - base)),
        interval: String::new(),
        meaning: "How many of the generated answers on the test split say the same words three times in a row."
            .to_owned(),
    }
}

fn wording(WordingChange { task, n, acc, ci95 }: &WordingChange) -> CostRow {
    CostRow {
        subject: format!("{task}, {} items", count(*n)),
        base: percent(acc.base),
        best: percent(acc.best),
        change: format!("{} points", points(acc.best - acc.base)),
        interval: interval(*ci95, points),
        meaning: "Accuracy on the same questions in other words: shows whether the gain depends on the wording."
            .to_owned(),
    }
}

fn interval(ci95: Option<[f64; 2]>, format: fn(f64) -> String) -> String {
    ci95.map_or_else(String::new, |[low, high]| format!("{} to {}", format(low), format(high)))
}

/// Nats with two decimals and a sign, `+0.43`; zero has no sign.
fn signed_nats(nats: f64) -> String {
    let plus = if (100.0 * nats).round() > 0.0 { "+" } else { "" };
    format!("{plus}{}", short_nats(nats))
}
