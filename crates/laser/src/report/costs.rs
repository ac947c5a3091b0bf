//! Costs: takes the price of the winner, gives the table of what the edit costs, and the figure that the page shows in
//! large type.

use serde::Serialize;

use super::table::{Cell, Table};
use crate::price::{BeforeAfter, Price, WordingChange};
use crate::results::number_format::{count, percent, points, short_nats};

/// The section on the price.
#[derive(Debug, Serialize)]
pub(super) struct Costs {
    /// Change of the log-loss of ordinary text, nats a token.
    #[serde(skip)]
    pub(super) headline: String,
    /// Its 95 % interval; empty if there is none.
    #[serde(skip)]
    pub(super) interval: String,
    table: Table,
}

/// Formats the price.
pub(super) fn costs(price: &Price) -> Costs {
    let text = &price.text;
    let interval = interval(text.ci95, signed_nats);
    let mut table = Table::new("price", "What the edit costs", &["measure", "#change"]);
    let mut push = |subject: String, meaning: &str, change: Cell| {
        table.push(vec![Cell::new(subject).note(meaning), change], false);
    };
    push(
        "ordinary text".to_owned(),
        &format!(
            "How much worse the edit makes the model at predicting {} tokens of text that has nothing to do with the task.",
            count(text.tokens)
        ),
        Cell::new(format!("{} nats a token", signed_nats(text.nats_per_token)))
            .strong()
            .note(interval.clone())
            .note(format!("perplexity {:.1} → {:.1}", text.perplexity.base, text.perplexity.best)),
    );
    push(
        "ordinary text, divergence".to_owned(),
        "How far the edit moves the model’s predictions on that text, for better or worse (Kullback–Leibler divergence); 0 \
         is not at all.",
        Cell::new(format!("{} nats a token", short_nats(text.divergence))).strong(),
    );
    if let Some(nats) = price.divergence_on_prompts {
        push(
            "task’s prompts, divergence".to_owned(),
            "The same for the token that follows a prompt of the task, where the edit is meant to change predictions.",
            Cell::new(format!("{} nats", short_nats(nats))).strong(),
        );
    }
    if let Some(BeforeAfter { base, best }) = &price.repetition {
        push(
            "answers that repeat themselves".to_owned(),
            "How many of the generated answers on the test split say the same words three times in a row.",
            Cell::new(format!("{} points", points(best - base))).strong().note(format!(
                "{} → {}",
                percent(*base),
                percent(*best)
            )),
        );
    }
    for WordingChange { task, n, acc: BeforeAfter { base, best }, ci95 } in &price.wordings {
        push(
            format!("{task}, {} items", count(*n)),
            "Accuracy on the same questions in other words: shows whether the gain depends on the wording.",
            Cell::new(format!("{} points", points(best - base)))
                .strong()
                .note(self::interval(*ci95, points))
                .note(format!("{} → {}", percent(*base), percent(*best))),
        );
    }
    Costs { headline: signed_nats(text.nats_per_token), interval, table }
}

fn interval(ci95: Option<[f64; 2]>, format: fn(f64) -> String) -> String {
    ci95.map_or_else(String::new, |[low, high]| format!("{} to {}", format(low), format(high)))
}

/// Nats with two decimals and a sign, `+0.43`; zero has no sign.
fn signed_nats(nats: f64) -> String {
    let plus = if (100.0 * nats).round() > 0.0 { "+" } else { "" };
    format!("{plus}{}", short_nats(nats))
}
