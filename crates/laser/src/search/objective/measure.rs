//! Measures: outcome of one item → a number, the larger the better.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::search::trial::Outcomes;
use laser_task::named;

/// Bound of margins in nats: larger ones count as the bound, in both directions. A decision at odds of e¹⁰ is safe, and
/// one hopeless item should not outweigh a hundred items that are nearly tied.
pub const MARGIN_BOUND: f64 = 10.0;

/// Width of the step from wrong to right in [`Measure::SoftAccuracy`], nats of margin.
pub const SOFTNESS: f64 = 0.5;

/// Number that the objective averages over the items of a task; the larger the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// 1 for a right item, 0 for a wrong one. Edits of equal accuracy are ordered by log-loss.
    #[default]
    Accuracy,
    /// Log-probability of the gold answer, nats: the log-loss with its sign turned.
    LogLoss,
    /// Lead of the gold answer over its best rival ([`crate::evaluate::outcome::Outcome::margin`]), nats, within
    /// ±[`MARGIN_BOUND`].
    Margin,
    /// Mean log-probability of the tokens of running text, nats a token, whatever the measure of other tasks. An item
    /// is a window of the text; windows are nearly equal in length, so that their plain mean is good enough.
    #[serde(rename = "log-loss per token")]
    PerToken,
    /// σ(margin / [`SOFTNESS`]): accuracy with a gradual step from wrong to right. Where a positive margin means that an item
    /// is right, its mean is close to the accuracy and varies less from item to item, so that fewer items are needed to
    /// tell two edits apart. Searches compare edits by it when they are to improve accuracy (`docs/search.md`,
    /// "Decision"); it cannot be chosen by a user.
    #[serde(rename = "soft accuracy")]
    SoftAccuracy,
}

impl Measure {
    /// Names; the last two measures cannot be chosen by a user.
    const NAMES: [(&'static str, Self); 5] = [
        ("accuracy", Self::Accuracy),
        ("log-loss", Self::LogLoss),
        ("margin", Self::Margin),
        ("log-loss per token", Self::PerToken),
        ("soft accuracy", Self::SoftAccuracy),
    ];

    /// Measure of item `i`.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn of(self, outcomes: &Outcomes, i: usize) -> f64 {
        match self {
            Self::Accuracy => f64::from(u8::from(outcomes.correct[i])),
            Self::LogLoss => outcomes.logprobs[i],
            Self::Margin => outcomes.margins[i].clamp(-MARGIN_BOUND, MARGIN_BOUND),
            // The margin of a window is its mean log-probability a token.
            Self::PerToken => outcomes.margins[i],
            Self::SoftAccuracy => 1.0 / (1.0 + (-outcomes.margins[i] / SOFTNESS).exp()),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(named::name(&Self::NAMES, self))
    }
}

impl FromStr for Measure {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(named::value(&Self::NAMES[..3], "objective", text)?)
    }
}
