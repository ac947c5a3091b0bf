//! Score → the rules that encoding, generation and judging follow. This is the one place in `evaluate` that matches on
//! [`Score`].
//!
//! To add a score:
//! 1. Add the variant, its name and its options to [`Score`] in `crates/task/src/score.rs`, with `generates` and
//!    `is_perplexity`.
//! 2. Describe it here, in [`ScoreRules::of`].
//! 3. If no [`JudgementRule`] decides it correctly, add one here and a function for it in
//!    `crates/laser/src/evaluate/judge.rs`.
//! 4. Visit the other places that match on [`Score`]; those with a `_` arm compile without a change:
//!    `crates/laser/src/gradient/loss.rs` (margins of choices), `crates/task/src/harness/output_type.rs` (the harness's
//!    kind of output), `crates/laser/src/results/harness/sample.rs` (filtered texts), `crates/task/src/chat.rs` (texts
//!    without a question), `crates/cli/src/print/task_form.rs` (the score in words).
//! 5. Name it in the help of `--score` (`crates/cli/src/args/task.rs`), `docs/tasks.md` and `docs/usage.md`.

use laser_task::score::{LengthNormalization, Match, Score, Ties};

/// Rules of one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScoreRules {
    /// Answers of an item whose log-probabilities are computed.
    pub(super) candidates: CandidateRule,
    /// Masks in the prompt of a model that fills masks.
    pub(super) masks: MaskRule,
    /// Largest number of tokens generated after the prompt; `None` if the score needs no continuation.
    pub(super) max_new_tokens: Option<usize>,
    /// Windows into which the text of an item is cut; `None` for items with a prompt and answers.
    pub(super) windows: Option<WindowRule>,
    /// Decides whether an item is right.
    pub(super) judgement: JudgementRule,
}

/// Answers of an item that are candidates: their log-probabilities are computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum CandidateRule {
    /// All choices of the item, whose log-probabilities are divided by a length before they are compared.
    Choices(LengthNormalization),
    /// The gold answer and its aliases.
    AllAnswers,
    /// The gold answer.
    GoldAnswer,
}

/// Number of masks after the prompt, for models that fill masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaskRule {
    /// No masks: the model's own prediction is not read.
    None,
    /// A fixed number of masks.
    Fixed(usize),
    /// As many masks as the gold answer has tokens.
    GoldAnswer,
}

/// Windows of a text, in tokens ([`Score::Perplexity`] explains both numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowRule {
    /// Tokens of a window, at most.
    pub(super) window: usize,
    /// Tokens from the beginning of one window to the beginning of the next; 0 for windows side by side.
    pub(super) stride: usize,
}

/// The rule that decides whether an item is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JudgementRule {
    /// The most likely first token reads as the first token of an accepted answer.
    FirstToken,
    /// Every token of an accepted answer is the most likely one.
    WholeAnswer,
    /// The generated continuation matches an accepted answer.
    Continuation(Match),
    /// The tokens filled into the masks match an accepted answer.
    FilledMasks(Match),
    /// The gold choice has the largest log-probability.
    BestChoice(Ties),
    /// Every token of the text is the most likely one.
    WholeText,
}

impl ScoreRules {
    /// The rules of a score.
    pub(crate) fn of(score: Score) -> Self {
        // Most scores: the gold answer after a prompt, no continuation.
        let rules = |judgement| Self {
            candidates: CandidateRule::GoldAnswer,
            masks: MaskRule::GoldAnswer,
            max_new_tokens: None,
            windows: None,
            judgement,
        };
        match score {
            Score::Top1 => rules(JudgementRule::FirstToken),
            Score::Greedy => Self { candidates: CandidateRule::AllAnswers, ..rules(JudgementRule::WholeAnswer) },
            Score::Generate { max_tokens, matching } => {
                Self { max_new_tokens: Some(max_tokens), ..rules(JudgementRule::Continuation(matching)) }
            }
            Score::Fill { masks, matching } => {
                Self { masks: MaskRule::Fixed(masks), ..rules(JudgementRule::FilledMasks(matching)) }
            }
            Score::Choice { length, ties } => Self {
                candidates: CandidateRule::Choices(length),
                masks: MaskRule::None,
                ..rules(JudgementRule::BestChoice(ties))
            },
            Score::Perplexity { window, stride } => {
                Self { windows: Some(WindowRule { window, stride }), ..rules(JudgementRule::WholeText) }
            }
            // Levels are played (`levels.rs`), and nothing else of them is read.
            Score::Play => Self { masks: MaskRule::None, ..rules(JudgementRule::WholeAnswer) },
        }
    }
}

/// Largest number of tokens that a score generates after a prompt; 0 if it needs no continuation.
pub(crate) fn max_tokens(score: Score) -> usize {
    ScoreRules::of(score).max_new_tokens.unwrap_or(0)
}
