//! Scores: the rules that decide whether an item is right (`docs/method.md`, "Scores").

mod matching;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::Error;
use laser_model::ModelKind;
pub use matching::Match;

/// Normalization of the log-likelihoods of choices by their length, so that long choices are not at a disadvantage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LengthNormalization {
    /// No normalization: the sum of the tokens' log-probabilities, as in the paper.
    Sum,
    /// The sum divided by the number of UTF-8 bytes of the choice.
    PerByte,
    /// The sum divided by the number of characters of the choice (the harness's `acc_norm`).
    PerCharacter,
}

impl LengthNormalization {
    /// Divisor of a choice's log-likelihood; at least 1.
    pub fn of(self, choice: &str) -> f64 {
        let length = match self {
            Self::Sum => 1,
            Self::PerByte => choice.len(),
            Self::PerCharacter => choice.chars().count(),
        };
        length.max(1) as f64
    }
}

/// Outcome of an item whose right choice has exactly the same log-likelihood as another choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Ties {
    /// The item is wrong. (Some data sets always list the right choice first.)
    Wrong,
    /// The first of the equal choices is chosen, as by the harness, and by the reference code for more than two
    /// choices.
    First,
}

/// Rule that decides whether an item is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Score {
    /// The most likely next token is the answer's first token, compared as trimmed lower-case text. A masked model
    /// reads as many masks as the gold answer has tokens, and its prediction at the first mask counts.
    Top1,
    /// Greedy decoding gives the whole answer or an alias: each of its tokens is the most likely one after the tokens
    /// before it (the harness's `acc` of LAMBADA). Needs one forward pass, like [`Score::Top1`], which it equals for
    /// answers of one token.
    Greedy,
    /// A greedy continuation of at most `max_tokens` tokens matches the answer.
    Generate {
        /// Maximum length of the continuation, in tokens.
        max_tokens: usize,
        /// Rule for comparing text and answers.
        matching: Match,
    },
    /// [`Score::Generate`] for masked models: the most likely tokens at `masks` mask positions in place of the answer,
    /// each predicted independently, match the answer.
    Fill {
        /// Number of masks.
        masks: usize,
        /// Rule for comparing text and answers.
        matching: Match,
    },
    /// The right choice has the highest log-likelihood.
    Choice {
        /// Normalization by length.
        length: LengthNormalization,
        /// Rule for ties.
        ties: Ties,
    },
    /// Log-likelihood of whole texts (the items' answers), for perplexity; long texts are cut into windows, each of
    /// which is scored like an item. A window is right only if greedy decoding gives exactly its text.
    Perplexity {
        /// Length of a window in tokens; the model's context length is an upper bound.
        window: usize,
        /// Number of tokens that a window scores, the last ones; the tokens before them are context. 0: windows do not
        /// overlap and score all their tokens, and the first token of each is predicted from the last token of the
        /// window before, as in the harness.
        stride: usize,
    },
    /// The model plays a level and solves it. The score of tasks whose items are levels, and of no others.
    Play,
}

impl Score {
    /// Top-1 accuracy of the next token.
    pub const TOP1: Self = Self::Top1;
    /// The greedy continuation is the whole answer.
    pub const GREEDY: Self = Self::Greedy;
    /// A greedy continuation of ten tokens contains the answer.
    pub const GENERATE: Self = Self::Generate { max_tokens: 10, matching: Match::Continuation };
    /// The right choice has the highest sum of log-probabilities; ties are wrong.
    pub const CHOICE: Self = Self::Choice { length: LengthNormalization::Sum, ties: Ties::Wrong };
    /// Log-likelihood of a text, 512 tokens at a time, with at least 512 tokens of context except at the text's start.
    pub const PERPLEXITY: Self = Self::Perplexity { window: 1024, stride: 512 };

    /// Whether the model has to generate continuations.
    pub fn generates(self) -> bool {
        matches!(self, Self::Generate { .. })
    }

    /// The score for a kind of model: [`Score::Fill`] replaces [`Score::Generate`] for masked models.
    pub fn of(self, kind: ModelKind) -> Self {
        match (self, kind) {
            (Self::Generate { max_tokens: masks, matching }, ModelKind::Masked) => Self::Fill { masks, matching },
            (score, _) => score,
        }
    }

    /// Whether the score is the likelihood of whole texts, without questions and answers.
    pub fn is_perplexity(self) -> bool {
        matches!(self, Self::Perplexity { .. })
    }

    /// The same score with another rule for comparing texts; `None` if the score does not generate.
    pub fn with_match(self, matching: Match) -> Option<Self> {
        match self {
            Self::Generate { max_tokens, .. } => Some(Self::Generate { max_tokens, matching }),
            _ => None,
        }
    }

    /// The same score with another maximum length of continuations, in tokens; `None` if the score does not generate or
    /// `max_tokens` is 0.
    pub fn with_max_tokens(self, max_tokens: usize) -> Option<Self> {
        match self {
            Self::Generate { matching, .. } if max_tokens > 0 => Some(Self::Generate { max_tokens, matching }),
            _ => None,
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top1 => f.write_str("top1"),
            Self::Greedy => f.write_str("greedy"),
            Self::Generate { .. } => f.write_str("generate"),
            Self::Fill { .. } => f.write_str("fill"),
            Self::Choice { length: LengthNormalization::Sum, .. } => f.write_str("choice"),
            Self::Choice { length: LengthNormalization::PerByte, .. } => f.write_str("choice-per-byte"),
            Self::Choice { length: LengthNormalization::PerCharacter, .. } => f.write_str("choice-per-character"),
            Self::Perplexity { .. } => f.write_str("perplexity"),
            Self::Play => f.write_str("play"),
        }
    }
}

impl FromStr for Score {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "top1" => Ok(Self::TOP1),
            "greedy" => Ok(Self::GREEDY),
            "generate" => Ok(Self::GENERATE),
            "choice" => Ok(Self::CHOICE),
            "choice-per-byte" => Ok(Self::Choice { length: LengthNormalization::PerByte, ties: Ties::Wrong }),
            "choice-per-character" => Ok(Self::Choice { length: LengthNormalization::PerCharacter, ties: Ties::Wrong }),
            "perplexity" => Ok(Self::PERPLEXITY),
            other => Err(Error::setting(
                "score",
                format!(
                    "expected top1, greedy, generate, choice, choice-per-byte, choice-per-character or perplexity, found `{other}`"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for name in ["top1", "greedy", "generate", "choice", "choice-per-byte", "choice-per-character", "perplexity"] {
            assert_eq!(name.parse::<Score>().expect(name).to_string(), name);
        }
        assert!("top2".parse::<Score>().is_err());
    }
}
