//! Rules by which a prompt and an answer become tokens.

use crate::options::Profile;

/// Rules by which a prompt and an answer become tokens: the text between them, and where the answer's tokens begin.
//
// `Task::sha256` hashes the `Debug` output, so the names of this type, its fields and the variants of `Boundary` are
// part of every task's fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Text between prompt and answer.
    pub delimiter: String,
    /// Where the answer's tokens begin.
    pub boundary: Boundary,
    /// Whether the tokenizer adds the beginning-of-text token (and, for masked models, the end token). False for a
    /// rendered chat template that already contains them.
    pub special: bool,
}

impl Default for Join {
    fn default() -> Self {
        Self { delimiter: " ".to_owned(), boundary: Boundary::Joint, special: true }
    }
}

impl Join {
    /// The default rules with this boundary.
    pub(crate) fn at(boundary: Boundary) -> Self {
        Self { boundary, ..Self::default() }
    }

    /// The default rules for the profile `clean`; with the boundary `paper` for the profile `paper`.
    pub(super) fn of_profile(profile: Profile, paper: Boundary) -> Self {
        match profile {
            Profile::Clean => Self::default(),
            Profile::Paper => Self::at(paper),
        }
    }
}

/// Rule that decides which tokens belong to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Boundary {
    /// Prompt and answer are encoded together. With n tokens in the prompt encoded alone, the answer is everything
    /// after the first n tokens.
    #[default]
    Joint,
    /// Like [`Boundary::Joint`], but the prompt's tokens are taken from encoding it alone (lm-evaluation-harness). The
    /// two rules differ if a token would span the boundary.
    Harness,
    /// Prompt and answer are encoded separately (the reference code's top-1 scores; `docs/method.md`, "Scores").
    Apart,
    /// Prompt and answer are encoded together; the answer is the shortest run of last tokens whose text, trimmed,
    /// equals the answer (the reference code's log-loss; `docs/method.md`, "Scores"). A space token before the answer
    /// is thus not scored. For masked models, no beginning and end tokens are added, and the answer's length counts one
    /// token more than it has (`docs/method.md`, "Quirks of the reference code").
    Suffix,
}
