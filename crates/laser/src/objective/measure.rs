//! Measures: takes one item's outcome, gives a number that is larger the better.

use crate::named::named;
use crate::store::Outcomes;

/// Margins count up to this, nats, either way: a decision at odds of e¹⁰ is safe, and one hopeless item should not
/// outweigh a hundred near the edge.
pub const MARGIN_BOUND: f64 = 10.0;

/// What is measured at an item; the larger the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// 1 where it is right, 0 where it is wrong; equals are told apart by their log-loss.
    #[default]
    Accuracy,
    /// Log-probability of the gold answer, nats: the log-loss with its sign turned.
    LogLoss,
    /// The gold answer's lead over its best rival ([`crate::score::Outcome::margin`]), nats, within ±[`MARGIN_BOUND`].
    Margin,
}

impl Measure {
    const NAMES: [(&'static str, Self); 3] =
        [("accuracy", Self::Accuracy), ("log-loss", Self::LogLoss), ("margin", Self::Margin)];

    /// The measure at item `i` of some outcomes.
    ///
    /// # Panics
    /// If there is no such item.
    pub fn of(self, outcomes: &Outcomes, i: usize) -> f64 {
        match self {
            Self::Accuracy => f64::from(u8::from(outcomes.correct[i])),
            Self::LogLoss => outcomes.logprobs[i],
            Self::Margin => outcomes.margins[i].clamp(-MARGIN_BOUND, MARGIN_BOUND),
        }
    }
}

named!(Measure, NAMES, "--objective");
