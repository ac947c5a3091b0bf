//! The screen of a search as a reader of its predictions needs it: the criterion, and the unit of its predictions.

use serde::{Deserialize, Serialize};

use super::objective::Measure;
use super::plan::StageName;
use super::settings::Settings;
use super::stages::GRADIENT;

/// A screen, and the meaning of its predictions in `trials.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    /// Name of its criterion: `gradient`, `energy`, ….
    pub criterion: String,
    /// Unit of its predictions.
    pub predicts: Prediction,
}

/// Unit of a screen's predictions; larger values are better in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// Change of the accuracy, a fraction.
    Accuracy,
    /// Rise of the margin, nats an item.
    Margin,
    /// Fall of the log-loss, nats an item.
    LogLoss,
    /// No unit: only the order of the values counts.
    Order,
}

impl Screen {
    /// The screen of a search; `None` if its plan has none. `counts_flips`: the gradient screen predicts how many answers
    /// turn right; `by_margin`: if not, it predicts margins rather than losses.
    pub(super) fn of(settings: &Settings, counts_flips: bool, by_margin: bool) -> Option<Self> {
        if settings.plan.has(StageName::Spectral) {
            return Some(Self { criterion: settings.criterion.to_string(), predicts: Prediction::Order });
        }
        let predicts = match settings.objective.measure {
            Measure::Accuracy if counts_flips => Prediction::Accuracy,
            Measure::LogLoss => Prediction::LogLoss,
            _ if by_margin => Prediction::Margin,
            _ => Prediction::LogLoss,
        };
        settings.plan.has(StageName::Gradient).then(|| Self { criterion: GRADIENT.to_owned(), predicts })
    }
}
