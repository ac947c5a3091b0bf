//! Strategies: ways through a space of edits, one stage after another, all with the same trials and the same report.

use std::fmt;
use std::str::FromStr;

use crate::edit::Edit;
use crate::error::{Error, Result};

use super::beam::Beam;
use super::exhaustive::Exhaustive;
use super::gradient::GradientScreen;
use super::greedy::Greedy;
use super::race::Race;
use super::spectral::SpectralScreen;
use super::trials::Trials;
use super::{Candidate, Settings};

/// What stages hand on.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    /// Edits of one matrix that are still candidates; the most promising first, once a screen has looked at them.
    pub(super) arms: Vec<Candidate>,
    /// Edits tried on all items of the search split, best first.
    pub(super) found: Vec<Edit>,
    /// Edits that a composition passed through, in order, from one matrix to many.
    pub(super) steps: Vec<Edit>,
    /// Things the reader should know.
    pub(super) notes: Vec<String>,
}

/// One stage of a search.
pub(super) trait Strategy {
    /// Takes candidates and what was found, and gives fewer or better ones.
    fn run(&self, trials: &mut Trials<'_>, pool: Pool) -> Result<Pool>;
}

/// What a stage does with the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// Leaves the most promising ones, without trials.
    Screen,
    /// Tries them.
    Judge,
    /// Puts several together.
    Compose,
}

/// The name of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A screen: what a backward pass predicts.
    Gradient,
    /// A screen: what the singular values say.
    Spectral,
    /// A judge: every candidate on every item.
    Exhaustive,
    /// A judge: candidates drop out once they cannot catch up.
    Race,
    /// A composition, matrix after matrix.
    Greedy,
    /// A composition, several side by side.
    Beam,
}

impl Stage {
    const NAMES: [(&'static str, Self, Role); 6] = [
        ("gradient", Self::Gradient, Role::Screen),
        ("spectral", Self::Spectral, Role::Screen),
        ("exhaustive", Self::Exhaustive, Role::Judge),
        ("race", Self::Race, Role::Judge),
        ("greedy", Self::Greedy, Role::Compose),
        ("beam", Self::Beam, Role::Compose),
    ];

    fn entry(self) -> (&'static str, Role) {
        let entry = Self::NAMES.into_iter().find(|(_, stage, _)| *stage == self);
        entry.map(|(name, _, role)| (name, role)).expect("every stage is in the list")
    }

    fn strategy(self, settings: &Settings) -> Box<dyn Strategy> {
        match self {
            Self::Gradient => Box::new(GradientScreen { items: settings.screen_items, keep: settings.candidates }),
            Self::Spectral => Box::new(SpectralScreen { criterion: settings.criterion, keep: settings.candidates }),
            Self::Exhaustive => Box::new(Exhaustive),
            Self::Race => Box::new(Race),
            Self::Greedy => Box::new(Greedy { order: settings.greedy_order, passes: settings.greedy_passes }),
            Self::Beam => Box::new(Beam { width: settings.beam_width }),
        }
    }
}

/// The stages of a search: at most one screen, one judge and one composition, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    stages: Vec<Stage>,
}

impl Plan {
    /// Every edit on every item.
    pub fn exhaustive() -> Self {
        Self { stages: vec![Stage::Exhaustive] }
    }

    /// Whether a stage is part of it.
    pub fn has(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    /// Whether edits are dropped before they have seen all items.
    pub(super) fn races(&self) -> bool {
        self.stages.iter().any(|stage| !matches!(stage, Stage::Exhaustive | Stage::Spectral))
    }

    /// Runs the stages. A plan without a judge tries what its screen leaves.
    pub(super) fn run(&self, trials: &mut Trials<'_>, arms: Vec<Candidate>, settings: &Settings) -> Result<Pool> {
        let mut pool = Pool { arms, ..Pool::default() };
        for stage in &self.stages {
            pool = stage.strategy(settings).run(trials, pool)?;
        }
        if pool.found.is_empty() {
            if self.stages.iter().all(|stage| stage.entry().1 == Role::Screen) {
                pool = Exhaustive.run(trials, pool)?;
            } else {
                pool.found = trials.all_ranked();
            }
        }
        if pool.found.is_empty() {
            return Err(Error::setting(
                "budget",
                "it ended before one edit was tried on all items of the search split",
            ));
        }
        Ok(pool)
    }
}

impl Default for Plan {
    /// Gradient, race, greedy.
    fn default() -> Self {
        Self { stages: vec![Stage::Gradient, Stage::Race, Stage::Greedy] }
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
            let names: Vec<_> = Stage::NAMES.iter().map(|(name, ..)| *name).collect();
            let form = "at most one screen, one judge and one composition joined by `+`, such as gradient+race+greedy";
            Error::setting("--strategy", format!("{problem}; expected {form}; there are {}", names.join(", ")))
        };
        let mut stages: Vec<Stage> = Vec::new();
        for name in text.split('+').map(str::trim) {
            let entry = Stage::NAMES.iter().find(|(known, ..)| *known == name);
            let (_, stage, role) = entry.ok_or_else(|| wrong(format!("no strategy `{name}`")))?;
            if stages.last().is_some_and(|last| last.entry().1 >= *role) {
                return Err(wrong(format!("`{name}` cannot follow `{}`", stages[stages.len() - 1].entry().0)));
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
    fn plans_are_read_back_and_wrong_ones_say_what_exists() {
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
