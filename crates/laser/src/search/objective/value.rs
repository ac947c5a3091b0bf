//! Values: what an objective says of an edit, in a total order.

use std::cmp::Ordering;

/// How finely measures are compared.
const DIGITS: f64 = 1e12;

/// The value of an edit; the larger the better.
///
/// An edit that keeps every guard is above one that does not; then the larger measure, then the larger log-probability
/// decides. The order is total: what is no number counts as `−∞`. Measures are compared to twelve decimals, so that the same
/// share of right items, summed in another order of the tasks, is a tie.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    feasible: bool,
    measure: f64,
    logprob: f64,
}

impl Value {
    pub(super) fn new(feasible: bool, measure: f64, logprob: f64) -> Self {
        let ordered = |v: f64| if v.is_nan() { f64::NEG_INFINITY } else { v + 0.0 };
        Self { feasible, measure: ordered(measure), logprob: ordered(logprob) }
    }

    /// Whether every guarded task keeps what it must.
    pub fn is_feasible(self) -> bool {
        self.feasible
    }

    /// The measure of the tasks aimed at, in one number.
    pub fn measure(self) -> f64 {
        self.measure
    }

    /// Log-loss of the tasks aimed at, in one number, nats an item: what breaks ties.
    pub fn log_loss(self) -> f64 {
        -self.logprob
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |value: &Self| (value.measure * DIGITS).round() + 0.0; // both zeros are one
        let measure = || key(self).total_cmp(&key(other));
        self.feasible.cmp(&other.feasible).then_with(measure).then_with(|| self.logprob.total_cmp(&other.logprob))
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}
