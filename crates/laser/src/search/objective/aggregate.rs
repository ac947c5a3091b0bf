//! Aggregates: takes the means of several tasks, gives one number.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// How the means of several tasks become one number.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Aggregate {
    /// Their mean; a task of few items counts as much as one of many.
    #[default]
    Mean,
    /// The smallest.
    Worst,
    /// `Σ wₜmₜ / Σ wₜ` with a positive weight for each task, in their order.
    Weighted(Vec<f64>),
}

impl Aggregate {
    /// One number of tasks given as (part, place among the weights, mean); `−∞` of none.
    pub(super) fn of(&self, tasks: &[(usize, usize, f64)]) -> f64 {
        if tasks.is_empty() {
            return f64::NEG_INFINITY;
        }
        tasks.iter().zip(self.shares(tasks)).filter(|(_, share)| *share > 0.0).map(|((_, _, m), share)| share * m).sum()
    }

    /// What share of the number each of these tasks has; they sum to 1.
    pub(super) fn shares(&self, tasks: &[(usize, usize, f64)]) -> Vec<f64> {
        let weights: Vec<f64> = match self {
            Self::Mean => vec![1.0; tasks.len()],
            Self::Weighted(weights) => tasks.iter().map(|(_, place, _)| weights[*place]).collect(),
            Self::Worst => {
                let worst = (0..tasks.len()).min_by(|a, b| tasks[*a].2.total_cmp(&tasks[*b].2));
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

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |found: &str| {
            Error::setting("--aggregate", format!("expected mean, worst or weighted:0.7,0.3, found `{found}`"))
        };
        let weight = |text: &str| {
            let weight = text.trim().parse::<f64>().ok().filter(|w| *w > 0.0 && w.is_finite());
            weight.ok_or_else(|| {
                Error::setting("--aggregate", format!("expected weights above 0, found `{}`", text.trim()))
            })
        };
        match text.split_once(':') {
            None if text == "mean" => Ok(Self::Mean),
            None if text == "worst" => Ok(Self::Worst),
            Some(("weighted", weights)) => {
                Ok(Self::Weighted(weights.split(',').map(weight).collect::<Result<_, _>>()?))
            }
            _ => Err(wrong(text)),
        }
    }
}
