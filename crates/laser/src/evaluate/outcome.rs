//! The outcome of an item: right or wrong, log-probabilities, margin, text.

use serde::{Deserialize, Serialize};

/// Log-probability of one candidate answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Sum of the log-probabilities of its tokens, nats.
    pub logprob: f64,
    /// Whether greedy decoding would generate it: each of its tokens is the most likely one.
    pub greedy: bool,
}

/// Outcome of one item, or of one window of its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether the item counts as right.
    pub correct: bool,
    /// Sum of the log-probabilities of the gold answer's tokens, nats.
    pub logprob: f64,
    /// By how much the gold answer is ahead of its best rival, nats; negative if it is behind.
    ///
    /// - Choices: its log-probability minus that of the best other choice, each divided by a length as the score says.
    /// - Other answers: the smallest `log p(token) − log p(most likely other token)` over the answer's tokens. Under
    ///   `Score::Top1` only the first token counts; under `Score::Greedy` the alias with the largest margin counts.
    /// - `Score::Perplexity`: the mean log-probability of the scored tokens.
    /// - `Score::Play`: the smallest lead of a demonstrated move over the best other one.
    ///
    /// Under choices, `Top1` and `Greedy`, a positive margin means that the item is right. Under choices and `Greedy` the
    /// converse holds too, except for ties, where the margin is 0.
    pub margin: f64,
    /// Number of tokens of the gold answer. In masks under `Boundary::Suffix`, one more, as in the reference code.
    pub answer_tokens: usize,
    /// Text of the most likely token, the continuation or the chosen answer.
    pub prediction: String,
    /// Log-probabilities of the candidates: all choices in their order, the gold answer and its aliases, or the gold
    /// answer alone.
    pub candidates: Vec<Likelihood>,
    /// Under `Score::Top1`, the place (from 1) of the first of the ten most likely tokens that begins an accepted answer;
    /// `None` if there is none, and in trials of a search.
    pub rank: Option<usize>,
    /// Whether a tie of equal logits or log-probabilities decided the outcome.
    pub tied: bool,
    /// Under `Score::Play`, what the play was worth.
    pub play: Option<PlaySummary>,
}

/// What the play of a level was worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlaySummary {
    /// Sum of the rewards.
    pub total_return: f64,
    /// Number of moves.
    pub moves: usize,
}
