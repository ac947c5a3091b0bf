//! The verdict on a search in one word; `verdict_rules` decides it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Result of a search in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The winner is better on the test split.
    Gain,
    /// The winner is worse on the test split, or breaks a guard there.
    Loss,
    /// The test split shows neither.
    #[default]
    Unproven,
    /// No edit is proposed.
    None,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gain => "gain",
            Self::Loss => "loss",
            Self::Unproven => "unproven",
            Self::None => "none",
        })
    }
}
