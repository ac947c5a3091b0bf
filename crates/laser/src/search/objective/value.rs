//! Values of edits under an objective, in a total order.

use std::cmp::Ordering;

/// Inverse of the resolution at which measures are compared.
const RESOLUTION: f64 = 1e12;

/// Value of an edit; the larger the better.
///
/// An edit that keeps every guard is above one that does not. Then the larger measure decides, then the larger
/// log-probability. The order is total: NaN counts as `−∞`. Measures are compared to twelve decimals, so that the same
/// accuracy is a tie even if the means of the tasks are added in another order.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    feasible: bool,
    measure: f64,
    logprob: f64,
}

impl Value {
    /// `measure` and `logprob`: the combined means over the tasks without a guard.
    pub(in crate::search) fn new(feasible: bool, measure: f64, logprob: f64) -> Self {
        let ordered = |v: f64| if v.is_nan() { f64::NEG_INFINITY } else { v + 0.0 }; // −0 becomes 0
        Self { feasible, measure: ordered(measure), logprob: ordered(logprob) }
    }

    /// Whether the edit keeps every guard.
    pub fn is_feasible(self) -> bool {
        self.feasible
    }

    /// Combined measure of the tasks without a guard.
    pub fn measure(self) -> f64 {
        self.measure
    }

    /// Combined log-loss of the tasks without a guard, nats an item (running text: nats a token); it breaks ties.
    pub fn log_loss(self) -> f64 {
        -self.logprob
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |value: &Self| (value.measure * RESOLUTION).round() + 0.0; // −0 becomes 0
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
