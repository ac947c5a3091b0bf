//! Price of an edit: unedited model + edited model → what the edit costs where nobody asked for a gain.
//!
//! A gain at one task usually costs something elsewhere, and edits of equal gain cost very different amounts. Measured
//! are: the log-loss of ordinary text ([`OrdinaryText`], written for this purpose), the Kullback–Leibler divergence of
//! the predictions there and after the task's own prompts, answers that repeat themselves, and the same questions in
//! other words. `search` chooses by the first of them; `session` measures all for the winner.

mod ordinary_text;
mod predictions;
mod repetition;
mod text_comparison;

use serde::{Deserialize, Serialize};

pub use ordinary_text::OrdinaryText;
pub use predictions::PairedPredictions;
pub use repetition::repeats_itself;

use laser_statistics::bootstrap_ci95;

/// Price of an edit. Losses are those of the edited model minus those of the unedited one: above 0 the edit does harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Change of the log-loss of ordinary text.
    pub text: TextPrice,
    /// Mean Kullback–Leibler divergence of the edited model's predictions from the unedited model's after the task's
    /// prompts, nats; `None` for texts that are only read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence_on_prompts: Option<f64>,
    /// Share of generated answers that repeat themselves ([`repeats_itself`]); `None` if no answers are generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<BeforeAfter>,
    /// Accuracy on the same questions in other words, on the test split.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wordings: Vec<WordingChange>,
}

impl Price {
    /// The price in a few words, for a sentence about the gain: `costs 0.31 nats a token on ordinary text`.
    pub fn in_words(&self) -> String {
        let nats = self.text.nats_per_token;
        match (100.0 * nats).round() {
            0.0 => "costs nothing that shows on ordinary text".to_owned(),
            rounded if rounded > 0.0 => format!("costs {nats:.2} nats a token on ordinary text"),
            _ => format!("gains {:.2} nats a token on ordinary text", -nats),
        }
    }
}

/// A figure of the unedited and of the edited model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BeforeAfter {
    /// The unedited model's.
    pub base: f64,
    /// The edited model's.
    pub best: f64,
}

/// Change of the log-loss of ordinary text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextPrice {
    /// Change of the log-loss, nats a token.
    pub nats_per_token: f64,
    /// 95 % interval of the change, `[low, high]`, from a bootstrap that resamples passages.
    pub ci95: Option<[f64; 2]>,
    /// Perplexities: `exp` of the log-loss a token.
    pub perplexity: BeforeAfter,
    /// Mean Kullback–Leibler divergence of the edited model's predictions from the unedited model's, nats a token.
    pub divergence: f64,
    /// Number of tokens.
    pub tokens: usize,
}

impl TextPrice {
    /// Sums up the predictions on the passages of a text; the bootstrap draws `resamples` times, with random numbers
    /// from `seed`. `None` without tokens.
    pub fn of(passages: &[PairedPredictions], resamples: usize, seed: u64) -> Option<Self> {
        let tokens: usize = passages.iter().map(|passage| passage.tokens).sum();
        if tokens == 0 {
            return None;
        }
        let sum = |of: fn(&PairedPredictions) -> f64| passages.iter().map(of).sum::<f64>() / tokens as f64;
        let [base, best] = [sum(|passage| passage.losses[0]), sum(|passage| passage.losses[1])];
        // Scaled so that the mean over passages is the mean over tokens, although passages differ in length.
        let scale = passages.len() as f64 / tokens as f64;
        let differences: Vec<f64> = passages.iter().map(|p| scale * (p.losses[1] - p.losses[0])).collect();
        let each: Vec<u32> = (0..).take(passages.len()).collect();
        Some(Self {
            nats_per_token: best - base,
            ci95: bootstrap_ci95(&differences, &each, resamples, seed),
            perplexity: BeforeAfter { base: base.exp(), best: best.exp() },
            divergence: sum(|passage| passage.divergence),
            tokens,
        })
    }
}

/// Accuracy on the questions of a task in other words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WordingChange {
    /// Name of the task with the other words.
    pub task: String,
    /// Number of items, all of them about subjects of the test split.
    pub n: usize,
    /// Accuracies.
    pub acc: BeforeAfter,
    /// 95 % interval of the difference, `[low, high]`, from a bootstrap that resamples groups.
    pub ci95: Option<[f64; 2]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_counts_tokens_alike_whatever_the_passage() {
        let passage = |tokens: usize, base: f64, best: f64| PairedPredictions {
            tokens,
            losses: [base * tokens as f64, best * tokens as f64],
            divergence: 0.5 * tokens as f64,
        };
        let price = TextPrice::of(&[passage(100, 3.0, 3.5), passage(300, 2.0, 2.1)], 500, 1).expect("tokens");
        assert!((price.nats_per_token - 0.2).abs() < 1e-12, "{price:?}");
        assert!((price.perplexity.base - 2.25f64.exp()).abs() < 1e-9);
        assert_eq!((price.tokens, price.divergence), (400, 0.5));
        let [low, high] = price.ci95.expect("two passages");
        assert!(low < 0.2 && 0.2 < high);
        assert_eq!(TextPrice::of(&[], 500, 1), None);
    }

    #[test]
    fn words_name_the_sign() {
        let of = |nats_per_token: f64| {
            let perplexity = BeforeAfter { base: 1.0, best: 1.0 };
            let text = TextPrice { nats_per_token, ci95: None, perplexity, divergence: 0.0, tokens: 1 };
            Price { text, divergence_on_prompts: None, repetition: None, wordings: Vec::new() }.in_words()
        };
        assert_eq!(of(0.314), "costs 0.31 nats a token on ordinary text");
        assert_eq!(of(-0.02), "gains 0.02 nats a token on ordinary text");
        assert_eq!(of(0.001), "costs nothing that shows on ordinary text");
    }
}
