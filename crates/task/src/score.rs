//! Scores: what counts as right, and the log-loss of the gold answer (`method.md` §2.1).

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::Error;
use crate::named::named;
use laser_model::ModelKind;

/// What makes a generated text right. Text and answers are compared trimmed and in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Match {
    /// The continuation contains an answer.
    Continuation,
    /// Prompt and continuation together contain it. Differs from [`Match::Continuation`], which is right by default: the reference code
    /// decodes the whole sequence, so an answer that the prompt mentions always counts (`method.md` §7.3).
    PromptContinuation,
    /// The continuation contains an answer that starts and ends at a word boundary.
    Word,
    /// The first line of the continuation is an answer, a final full stop aside.
    Exact,
    /// The whole continuation is an answer, blanks and all (the harness's `exact_match`).
    Equal {
        /// Capitals do not matter.
        ignore_case: bool,
        /// ASCII punctuation does not matter.
        ignore_punctuation: bool,
    },
}

impl Match {
    const NAMES: [(&'static str, Self); 8] = [
        ("continuation", Self::Continuation),
        ("prompt+continuation", Self::PromptContinuation),
        ("word", Self::Word),
        ("exact", Self::Exact),
        ("equal", Self::Equal { ignore_case: false, ignore_punctuation: false }),
        ("equal-ignore-case", Self::Equal { ignore_case: true, ignore_punctuation: false }),
        ("equal-ignore-punctuation", Self::Equal { ignore_case: false, ignore_punctuation: true }),
        ("equal-ignore-both", Self::Equal { ignore_case: true, ignore_punctuation: true }),
    ];

    /// Whether a text of which a part is right is right as a whole, so that generation may stop.
    pub fn is_monotone(self) -> bool {
        matches!(self, Self::Continuation | Self::PromptContinuation)
    }

    /// Whether a continuation is right.
    pub fn accepts(self, prompt: &str, continuation: &str, answers: &[String]) -> bool {
        let text = continuation.trim().to_lowercase();
        let any = |holds: &dyn Fn(&str) -> bool| answers.iter().any(|a| holds(&a.trim().to_lowercase()));
        match self {
            Self::Continuation => any(&|a| text.contains(a)),
            Self::PromptContinuation => {
                let whole = format!("{prompt}{continuation}").to_lowercase();
                any(&|a| whole.contains(a))
            }
            Self::Word => any(&|a| contains_word(&text, a)),
            Self::Exact => {
                let line = text.lines().next().unwrap_or("").trim_end_matches('.').trim();
                any(&|a| line == a.trim_end_matches('.'))
            }
            Self::Equal { ignore_case, ignore_punctuation } => {
                let plain = |text: &str| {
                    let text = if ignore_case { text.to_lowercase() } else { text.to_owned() };
                    if ignore_punctuation { text.replace(|c: char| c.is_ascii_punctuation(), "") } else { text }
                };
                let text = plain(continuation);
                answers.iter().any(|answer| plain(answer) == text)
            }
        }
    }
}

fn contains_word(text: &str, word: &str) -> bool {
    let boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word)
        .any(|(i, found)| boundary(text[..i].chars().next_back()) && boundary(text[i + found.len()..].chars().next()))
}

/// How the log-likelihoods of choices of unequal length are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Length {
    /// Sums, as the paper does.
    Sum,
    /// Sums divided by the bytes of the choice.
    PerByte,
    /// Sums divided by the characters of the choice (the harness's `acc_norm`).
    PerCharacter,
}

impl Length {
    /// What a choice's log-likelihood is divided by.
    pub fn of(self, choice: &str) -> f64 {
        let length = match self {
            Self::Sum => 1,
            Self::PerByte => choice.len(),
            Self::PerCharacter => choice.chars().count(),
        };
        length.max(1) as f64
    }
}

/// What becomes of an item whose right choice is exactly as likely as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Ties {
    /// It is wrong: some sets always list the right choice first.
    Wrong,
    /// The first of equals is chosen (the harness, and the reference among more than two).
    First,
}

/// A score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Score {
    /// The most likely next token is the answer's first token (compared as trimmed lower-case text). In masks: at the
    /// first of as many as the gold answer has tokens.
    Top1,
    /// The whole answer, or an accepted alias, is what greedy decoding would say next: each of its tokens is the most
    /// likely one after those before it (the harness's `acc` of LAMBADA). Equals [`Score::Top1`] for answers of one
    /// token, and is as cheap.
    Greedy,
    /// A greedy continuation of at most `max_tokens` tokens matches the answer.
    Generate {
        /// Longest continuation.
        max_tokens: usize,
        /// What counts as a match.
        matching: Match,
    },
    /// The most likely tokens of so many masks in the answer's place, each by itself, match the answer: what
    /// [`Score::Generate`] is to a model that fills masks.
    Fill {
        /// Number of masks.
        masks: usize,
        /// What counts as a match.
        matching: Match,
    },
    /// The right choice has the highest log-likelihood.
    Choice {
        /// Normalisation by length.
        length: Length,
        /// Who wins a tie.
        ties: Ties,
    },
    /// No question: how likely the whole text is, the items' answers one after another. Right only where greedy
    /// decoding would say the text. Long texts become windows, each an item of the exam.
    Perplexity {
        /// Tokens of a window, the model's context at most.
        window: usize,
        /// Tokens that a window scores, those before them being context; 0: all (windows side by side, and the first
        /// token of each is predicted from the last of the one before, as the harness does).
        stride: usize,
    },
}

impl Score {
    /// Top-1 on the next token.
    pub const TOP1: Self = Self::Top1;
    /// The whole answer is the greedy continuation.
    pub const GREEDY: Self = Self::Greedy;
    /// Ten greedy tokens contain the answer.
    pub const GENERATE: Self = Self::Generate { max_tokens: 10, matching: Match::Continuation };
    /// Sum of log-likelihoods over choices.
    pub const CHOICE: Self = Self::Choice { length: Length::Sum, ties: Ties::Wrong };
    /// Log-likelihood of a text, 512 tokens at a time, with as many or more before them.
    pub const PERPLEXITY: Self = Self::Perplexity { window: 1024, stride: 512 };

    /// Whether the score needs continuations.
    pub fn generates(self) -> bool {
        matches!(self, Self::Generate { .. })
    }

    /// The score as a kind of model has it: one that fills masks has [`Score::Fill`] for [`Score::Generate`].
    pub fn of(self, kind: ModelKind) -> Self {
        match (self, kind) {
            (Self::Generate { max_tokens: masks, matching }, ModelKind::Masked) => Self::Fill { masks, matching },
            (score, _) => score,
        }
    }

    /// Whether nothing is asked, and the likelihood of a text is all there is.
    pub fn only_reads(self) -> bool {
        matches!(self, Self::Perplexity { .. })
    }

    /// The same score with another kind of match, where it has one.
    pub fn with_match(self, matching: Match) -> Option<Self> {
        match self {
            Self::Generate { max_tokens, .. } => Some(Self::Generate { max_tokens, matching }),
            _ => None,
        }
    }

    /// The same score with another length of continuation, where it has one.
    pub fn with_max_tokens(self, max_tokens: usize) -> Option<Self> {
        match self {
            Self::Generate { matching, .. } if max_tokens > 0 => Some(Self::Generate { max_tokens, matching }),
            _ => None,
        }
    }
}

named!(Match, NAMES, "--match");

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top1 => f.write_str("top1"),
            Self::Greedy => f.write_str("greedy"),
            Self::Generate { .. } => f.write_str("generate"),
            Self::Fill { .. } => f.write_str("fill"),
            Self::Choice { length: Length::Sum, .. } => f.write_str("choice"),
            Self::Choice { length: Length::PerByte, .. } => f.write_str("choice-per-byte"),
            Self::Choice { length: Length::PerCharacter, .. } => f.write_str("choice-per-character"),
            Self::Perplexity { .. } => f.write_str("perplexity"),
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
            "choice-per-byte" => Ok(Self::Choice { length: Length::PerByte, ties: Ties::Wrong }),
            "choice-per-character" => Ok(Self::Choice { length: Length::PerCharacter, ties: Ties::Wrong }),
            "perplexity" => Ok(Self::PERPLEXITY),
            other => Err(Error::setting(
                "--score",
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
    fn matches_differ_where_they_should() {
        let answers = vec!["Par".to_owned(), "Lutetia".to_owned()];
        let accepts = |m: Match, text: &str| m.accepts("Par is in", text, &answers);
        assert!(accepts(Match::Continuation, " PARIS"));
        assert!(!accepts(Match::Word, " Paris"));
        assert!(accepts(Match::Word, " in par, of course"));
        assert!(accepts(Match::PromptContinuation, " France"));
        assert!(!accepts(Match::Continuation, " France"));
        assert!(accepts(Match::Exact, " Lutetia.\nAnd more"));
        assert!(!accepts(Match::Exact, " Lutetia and more"));
    }

    #[test]
    fn names_are_read_back() {
        for name in ["top1", "greedy", "generate", "choice", "choice-per-byte", "choice-per-character", "perplexity"] {
            assert_eq!(name.parse::<Score>().expect(name).to_string(), name);
        }
        for (name, _) in Match::NAMES {
            assert_eq!(name.parse::<Match>().expect(name).to_string(), name);
        }
        assert!("top2".parse::<Score>().is_err());
    }
}
