//! Measures: takes one item's outcome, gives a number that is larger the better.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::search::store::Outcomes;
use laser_task::named;

/// Margins count up to this, nats, either way: a decision at odds of e¹⁰ is safe, and one hopeless item should not
/// outweigh a hundred near the edge.
pub const MARGIN_BOUND: f64 = 10.0;

/// What is measured at an item; the larger the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// 1 where it is right, 0 where it is wrong; equals are told apart by their log-loss.
    #[default]
    Accuracy,
    /// Log-probability of the gold answer, nats: the log-loss with its sign turned.
    LogLoss,
    /// The gold answer's lead over its best rival ([`crate::evaluate::outcome::Outcome::margin`]), nats, within ±[`MARGIN_BOUND`].
    Margin,
    /// Mean log-probability of a text's tokens, nats: of texts that are only read, whatever is measured elsewhere. An
    /// item is a window; windows are nearly equal in length, and their mean is what counts.
    #[serde(rename = "log-loss per token")]
    PerToken,
}

impl Measure {
    /// Those that can be chosen, then the one that cannot.
    const NAMES: [(&'static str, Self); 4] = [
        ("accuracy", Self::Accuracy),
        ("log-loss", Self::LogLoss),
        ("margin", Self::Margin),
        ("log-loss per token", Self::PerToken),
    ];

    /// The measure at item `i` of some outcomes.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn of(self, outcomes: &Outcomes, i: usize) -> f64 {
        match self {
            Self::Accuracy => f64::from(u8::from(outcomes.correct[i])),
            Self::LogLoss => outcomes.logprobs[i],
            Self::Margin => outcomes.margins[i].clamp(-MARGIN_BOUND, MARGIN_BOUND),
            Self::PerToken => outcomes.margins[i],
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
        Ok(named::value(&Self::NAMES[..3], "--objective", text)?)
    }
}
