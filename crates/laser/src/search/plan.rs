//! Plan of a search: the stages that run one after another, written as `gradient+race+greedy`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Name of a search stage. `stages.rs` has the stage behind each name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageName {
    /// Screen: ranks candidates by the change of the loss that one backward pass predicts.
    Gradient,
    /// Screen: ranks candidates by the singular values of their matrices.
    Spectral,
    /// Scores every candidate on every item.
    Exhaustive,
    /// Scores candidates item by item and drops those that cannot catch up with the leader.
    Race,
    /// Composition: adds reductions matrix by matrix.
    Greedy,
    /// Composition: extends the best few edits of each size side by side.
    Beam,
}

/// Kind of a stage; a plan has at most one stage of each kind, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum StageKind {
    /// Keeps the most promising candidates without trials.
    Screen,
    /// Ranks candidates by trials.
    Score,
    /// Combines reductions of several matrices.
    Compose,
}

impl StageName {
    const ALL: [(&'static str, Self, StageKind); 6] = [
        ("gradient", Self::Gradient, StageKind::Screen),
        ("spectral", Self::Spectral, StageKind::Screen),
        ("exhaustive", Self::Exhaustive, StageKind::Score),
        ("race", Self::Race, StageKind::Score),
        ("greedy", Self::Greedy, StageKind::Compose),
        ("beam", Self::Beam, StageKind::Compose),
    ];

    /// The name as it is written in a plan, and the stage's kind.
    fn entry(self) -> (&'static str, StageKind) {
        let entry = Self::ALL.into_iter().find(|(_, stage, _)| *stage == self);
        entry.map(|(name, _, kind)| (name, kind)).expect("every stage is in the list")
    }
}

/// Stages of a search: at most one screen, one scoring stage and one composition, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    stages: Vec<StageName>,
}

impl Plan {
    /// Scores every candidate on every item.
    pub fn exhaustive() -> Self {
        Self { stages: vec![StageName::Exhaustive] }
    }

    /// Whether the plan has a stage.
    pub fn has(&self, stage: StageName) -> bool {
        self.stages.contains(&stage)
    }

    /// The stages, first to last.
    pub(super) fn stages(&self) -> &[StageName] {
        &self.stages
    }

    /// Whether all stages are screens, so that nothing would be scored.
    pub(super) fn only_screens(&self) -> bool {
        self.stages.iter().all(|stage| stage.entry().1 == StageKind::Screen)
    }

    /// Whether the search's item order has drop points of a race.
    pub(super) fn drops_candidates(&self) -> bool {
        self.stages.iter().any(|stage| !matches!(stage, StageName::Exhaustive | StageName::Spectral))
    }
}

impl Default for Plan {
    /// `gradient+race+greedy`.
    fn default() -> Self {
        Self { stages: vec![StageName::Gradient, StageName::Race, StageName::Greedy] }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.stages.iter().map(|stage| stage.entry().0).collect();
        f.write_str(&names.join("+"))
    }
}

impl FromStr for Plan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |problem: String| {
            let names: Vec<_> = StageName::ALL.iter().map(|(name, ..)| *name).collect();
            let form =
                "at most one screen, one scoring stage and one composition joined by `+`, such as gradient+race+greedy";
            Error::setting("strategy", format!("{problem}; expected {form}; there are {}", names.join(", ")))
        };
        let mut stages: Vec<StageName> = Vec::new();
        for name in text.split('+').map(str::trim) {
            let entry = StageName::ALL.iter().find(|(known, ..)| *known == name);
            let (_, stage, kind) = entry.ok_or_else(|| wrong(format!("no strategy `{name}`")))?;
            if let Some(last) = stages.last().filter(|last| last.entry().1 >= *kind) {
                return Err(wrong(format!("`{name}` cannot follow `{}`", last.entry().0)));
            }
            stages.push(*stage);
        }
        Ok(Self { stages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_back_and_errors_list_the_stages() {
        for text in ["exhaustive", "race", "gradient+race", "gradient+race+greedy", "spectral", "beam", "race+beam"] {
            assert_eq!(text.parse::<Plan>().expect(text).to_string(), text);
        }
        for (text, expected) in [
            ("", "no strategy ``"),
            ("annealing", "exhaustive"),
            ("race+gradient", "`gradient` cannot follow `race`"),
            ("race+exhaustive", "cannot follow"),
            ("greedy+greedy", "cannot follow"),
        ] {
            let error = text.parse::<Plan>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
