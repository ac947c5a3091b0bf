//! How prompt and answer become tokens.

use crate::setup::Profile;

/// How the prompts and answers of a task become tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Text between prompt and answer.
    pub delimiter: String,
    /// Where the answer's tokens begin.
    pub boundary: Boundary,
    /// Whether the model's own beginning (and, around masks, end) token is added; a rendered chat template has them.
    pub special: bool,
}

impl Default for Join {
    fn default() -> Self {
        Self { delimiter: " ".to_owned(), boundary: Boundary::Joint, special: true }
    }
}

impl Join {
    /// With the answer where `boundary` says.
    pub(crate) fn at(boundary: Boundary) -> Self {
        Self { boundary, ..Self::default() }
    }

    /// With the answer where `paper` says under the paper's profile.
    pub(super) fn of_profile(profile: Profile, paper: Boundary) -> Self {
        match profile {
            Profile::Clean => Self::default(),
            Profile::Paper => Self::at(paper),
        }
    }
}

/// Which tokens of a text are the answer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Boundary {
    /// Prompt and answer are encoded together; the answer is what follows as many tokens as the prompt alone has.
    #[default]
    Joint,
    /// As [`Boundary::Joint`], but the prompt's tokens are those it has alone (lm-evaluation-harness). The two differ
    /// where a token would cross the boundary.
    Harness,
    /// Prompt and answer are encoded apart (the reference's top-1 scores; `method.md` §2.3).
    Apart,
    /// Encoded together; the answer is the shortest run of last tokens that reads as it, trimmed (the reference's
    /// log-loss, §2.1), so that a lone blank before it does not count. Around masks: without beginning and end token,
    /// and the length of the answer counts one more than it is (§7.5).
    Suffix,
}
