//! Guards: takes a task's mean before and after an edit, says whether it lost too much.

use crate::error::{Error, Result};

/// Slack for sums of decimals: 0.95 − 0.94 is above 0.01 in binary.
const ROUNDING: f64 = 1e-9;

/// A task that an edit must not make worse than this; an edit that does is infeasible.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Index of the task's part in the exam.
    pub part: usize,
    /// How much of the objective's measure it may lose against the unedited model: a share of the items for accuracy
    /// (0.01: one point); nats an item for log-loss and margin. (0.01 nats of log-loss are a rise of the answers'
    /// perplexity by 1 %.) Of texts that are only read always nats a token: 0.05 lets their perplexity rise by 5 %.
    pub max_drop: f64,
}

impl Guard {
    /// Reads `NAME:MAX_DROP`, where the exam's tasks have these names.
    ///
    /// # Errors
    /// A name that is not among them; a drop that is no number or below 0.
    pub fn parse(text: &str, names: &[&str]) -> Result<Self> {
        let wrong = |problem: String| Error::setting("--guard", problem);
        // A name may be a path with colons.
        let (name, max_drop) = text
            .rsplit_once(':')
            .ok_or_else(|| wrong(format!("expected NAME:MAX_DROP such as {}:0.01, found `{text}`", names.join("|"))))?;
        let part = names.iter().position(|known| *known == name).ok_or_else(|| {
            wrong(format!("no task is named `{name}`: expected one of {}, each given by --task", names.join(", ")))
        })?;
        let drop = max_drop.trim().parse::<f64>().ok().filter(|drop| *drop >= 0.0 && drop.is_finite());
        let max_drop = drop.ok_or_else(|| wrong(format!("expected a drop of at least 0, found `{max_drop}`")))?;
        Ok(Self { part, max_drop })
    }

    /// Whether a task that goes from one mean to another keeps enough.
    pub fn holds(&self, base: f64, edited: f64) -> bool {
        base - edited <= self.max_drop + ROUNDING
    }
}
