//! Aggregates: means of several tasks → one number.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Combination of the means of several tasks into one number.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Aggregate {
    /// Mean of the means; a task of few items counts as much as one of many.
    #[default]
    Mean,
    /// Smallest mean.
    Worst,
    /// `Σ wₜmₜ / Σ wₜ`, with a positive weight for each task without a guard, in their order.
    Weighted(Vec<f64>),
}

/// Mean measure of a task.
pub(super) struct TaskMean {
    /// Index of the task.
    pub(super) task: usize,
    /// Index of its weight: its position among the tasks without a guard.
    pub(super) weight: usize,
    /// The mean.
    pub(super) mean: f64,
}

impl Aggregate {
    /// Combines the means of tasks; `−∞` without tasks.
    pub(super) fn of(&self, tasks: &[TaskMean]) -> f64 {
        if tasks.is_empty() {
            return f64::NEG_INFINITY;
        }
        // Tasks of share 0 are skipped, because 0 · −∞ is not a number.
        tasks.iter().zip(self.shares(tasks)).filter(|(_, share)| *share > 0.0).map(|(t, share)| share * t.mean).sum()
    }

    /// Share of each task in the combined number; the shares sum to 1.
    pub(super) fn shares(&self, tasks: &[TaskMean]) -> Vec<f64> {
        let weights: Vec<f64> = match self {
            Self::Mean => vec![1.0; tasks.len()],
            Self::Weighted(weights) => tasks.iter().map(|task| weights[task.weight]).collect(),
            Self::Worst => {
                let worst = (0..tasks.len()).min_by(|a, b| tasks[*a].mean.total_cmp(&tasks[*b].mean));
                (0..tasks.len()).map(|i| f64::from(u8::from(Some(i) == worst))).collect()
            }
        };
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Worst => f.write_str("worst"),
            Self::Weighted(weights) => {
                let weights: Vec<String> = weights.iter().map(f64::to_string).collect();
                write!(f, "weighted:{}", weights.join(","))
            }
        }
    }
}

impl FromStr for Aggregate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |problem: String| Error::setting("aggregate", problem);
        let weight = |text: &str| {
            let weight = text.trim().parse::<f64>().ok().filter(|w| *w > 0.0 && w.is_finite());
            weight.ok_or_else(|| wrong(format!("expected weights above 0, found `{}`", text.trim())))
        };
        match text.split_once(':') {
            None if text == "mean" => Ok(Self::Mean),
            None if text == "worst" => Ok(Self::Worst),
            Some(("weighted", weights)) => Ok(Self::Weighted(weights.split(',').map(weight).collect::<Result<_>>()?)),
            _ => Err(wrong(format!("expected mean, worst or weighted:0.7,0.3, found `{text}`"))),
        }
    }
}
