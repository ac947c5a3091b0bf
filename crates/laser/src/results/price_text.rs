//! Price text: takes the price of an edit, gives each of its figures in words, for the terminal and for model cards.

use super::number_format::{count, percent, points, short_nats};
use crate::price::{BeforeAfter, Price, WordingChange};

/// The price on ordinary text: `costs 0.43 nats a token on ordinary text (95 % 0.36 to 0.50), perplexity 29.8 → 45.6`.
pub(crate) fn text_price(price: &Price) -> String {
    let text = &price.text;
    // A negative price is called a gain, so that the ends of its interval turn and swap.
    let interval = text.ci95.map_or_else(String::new, |[low, high]| {
        let is_gain = (100.0 * text.nats_per_token).round() < 0.0;
        let [low, high] = if is_gain { [-high, -low] } else { [low, high] };
        format!(" (95 % {} to {})", short_nats(low), short_nats(high))
    });
    format!("{}{interval}, perplexity {}", price.in_words(), perplexity(&text.perplexity))
}

/// The perplexity of ordinary text before and after: `29.8 → 45.6`.
fn perplexity(perplexity: &BeforeAfter) -> String {
    format!("{:.1} → {:.1}", perplexity.base, perplexity.best)
}

/// Accuracy in another wording: `in other words (facts-reworded, 300 items): 20.0 % → 25.0 %, +5.0 points (95 % +1.0 to
/// +9.0)`.
pub(crate) fn wording(wording: &WordingChange) -> String {
    let WordingChange { task, n, acc: BeforeAfter { base, best }, ci95 } = wording;
    let interval = ci95.map_or_else(String::new, |[low, high]| format!(" (95 % {} to {})", points(low), points(high)));
    format!(
        "in other words ({task}, {} items): {} → {}, {} points{interval}",
        count(*n),
        percent(*base),
        percent(*best),
        points(best - base)
    )
}

/// Repetition before and after: `generated answers that repeat themselves: 1.0 % → 4.0 %`.
pub(crate) fn repetition(BeforeAfter { base, best }: &BeforeAfter) -> String {
    format!("generated answers that repeat themselves: {} → {}", percent(*base), percent(*best))
}

/// The figures of a price that a reader wants first, a line each: ordinary text, repetition, other wordings.
pub fn price_lines(price: &Price) -> Vec<String> {
    let lines = [text_price(price)].into_iter().chain(price.repetition.iter().map(repetition));
    lines.chain(price.wordings.iter().map(wording)).collect()
}

/// All figures of a price in one line, for a model card.
pub(crate) fn price_line(price: &Price) -> String {
    let mut divergence = format!("predictions diverge by {} nats a token there", short_nats(price.text.divergence));
    if let Some(nats) = price.divergence_on_prompts {
        divergence += &format!(" and by {} nats after the task’s prompts", short_nats(nats));
    }
    let others = price.repetition.iter().map(repetition).chain(price.wordings.iter().map(wording));
    let parts: Vec<String> = [text_price(price), divergence].into_iter().chain(others).collect();
    format!("Price: {}.", parts.join("; "))
}
