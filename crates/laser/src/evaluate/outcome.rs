//! What happened at an item.

/// One candidate of an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likelihood {
    /// Its log-probability, nats, summed over its tokens.
    pub logprob: f64,
    /// Whether greedy decoding would say it.
    pub greedy: bool,
}

/// What happened at one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether the item counts as right.
    pub correct: bool,
    /// Log-probability of the gold answer, nats, summed over its tokens.
    pub logprob: f64,
    /// How clearly the gold answer wins, nats; negative where it loses.
    ///
    /// Choices: its likelihood less the best rival's, as the score normalises them. Otherwise the smallest
    /// `log p(token) − log p(most likely other token)` over its tokens: under [`Score::Top1`] the first alone, under
    /// [`Score::Greedy`] of the alias for which it is largest. Positive only where the item is right under these
    /// three; under choices and `greedy` an item is right only where it is positive, or 0 by a tie that went well.
    /// Under [`Score::Perplexity`] the mean log-probability of the text's tokens.
    pub margin: f64,
    /// Tokens of the gold answer (of an answer in masks, under [`crate::join::Boundary::Suffix`], one more).
    pub answer_tokens: usize,
    /// Top-1 token, continuation, or chosen answer, as text.
    pub prediction: String,
    /// Every choice in its order; accepted answers that can be said, where the whole answer counts; the gold answer.
    pub candidates: Vec<Likelihood>,
    /// Under [`Score::Top1`], the place (from 1) of the first of the ten most likely tokens that reads as an accepted
    /// answer begins; absent where none does, and in searches.
    pub rank: Option<usize>,
    /// Whether the decision was a tie of equal logits or likelihoods.
    pub tied: bool,
}
