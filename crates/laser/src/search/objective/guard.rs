//! Guards: mean of a task before and after an edit → whether the task became too much worse.

use crate::error::{Error, Result};

/// Slack for rounding: in binary, 0.95 − 0.94 is above 0.01.
const ROUNDING: f64 = 1e-9;

/// A task that must not become worse by more than a bound; an edit that breaks the bound is infeasible.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Index of the task in the evaluator.
    pub part: usize,
    /// Largest allowed fall of the task's mean measure against the unedited model. For accuracy it is a fraction of the
    /// items (0.01 is one percentage point), for log-loss and margin nats an item (0.01 nats of log-loss raise the
    /// perplexity of the answers by 1 %), for running text always nats a token (0.05 raises its perplexity by 5 %).
    pub max_drop: f64,
}

impl Guard {
    /// Parses `NAME:MAX_DROP`, where `names` are the names of the tasks.
    ///
    /// # Errors
    /// If the form is another, no task has the name, or the drop is not a finite number of at least 0.
    pub fn parse(text: &str, names: &[&str]) -> Result<Self> {
        let wrong = |problem: String| Error::setting("guard", problem);
        // At the last colon: a name may be a path with colons.
        let (name, max_drop) = text
            .rsplit_once(':')
            .ok_or_else(|| wrong(format!("expected NAME:MAX_DROP such as {}:0.01, found `{text}`", names.join("|"))))?;
        let part = names.iter().position(|known| *known == name).ok_or_else(|| {
            wrong(format!("no task is named `{name}`: expected one of the tasks given, {}", names.join(", ")))
        })?;
        let drop = max_drop.trim().parse::<f64>().ok().filter(|drop| *drop >= 0.0 && drop.is_finite());
        let max_drop = drop.ok_or_else(|| wrong(format!("expected a drop of at least 0, found `{max_drop}`")))?;
        Ok(Self { part, max_drop })
    }

    /// Whether a fall of the task's mean from `before` to `after` is within the bound.
    pub fn holds(&self, before: f64, after: f64) -> bool {
        before - after <= self.max_drop + ROUNDING
    }
}
