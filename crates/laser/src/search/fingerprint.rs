//! Fingerprint of a run: everything that decides its trials and their outcomes, by name.
//!
//! The store keeps it, so that a run cannot be resumed with another model, other tasks or other settings, and so that
//! the error says which of them changed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::settings::{Protocol, Settings};
use crate::edit::truncation::Truncation;
use crate::error::{Error, Result};
use crate::evaluate::{EvaluatedTask, Evaluator};
use crate::team::Team;

/// Everything that decides the trials of a run, as names and values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint {
    entries: Vec<(String, String)>,
}

impl Fingerprint {
    /// A fingerprint of one value, for a store that no command resumes.
    pub fn named(name: &str) -> Self {
        Self { entries: vec![("the run".to_owned(), name.to_owned())] }
    }

    /// The fingerprint of a run of these settings.
    pub fn new(settings: &Settings, model_sha256: &str, evaluator: &Evaluator<'_>, truncation: &Truncation) -> Self {
        let mut entries = vec![
            ("the format of the store".to_owned(), "2".to_owned()),
            ("the model".to_owned(), model_sha256.to_owned()),
        ];
        // How a model plays stands beside its weights, which alone have the hash.
        if let Some(levels) = evaluator.levels() {
            entries.push(("the player".to_owned(), format!("{:?}", levels.settings())));
        }
        for EvaluatedTask { task, score, .. } in evaluator.tasks() {
            let items = format!("{} ({} items), score {score:?}", task.sha256(), task.items.len());
            entries.push((format!("the task {}", task.name), items));
        }
        // The hash of a task has the groups that it names itself.
        if evaluator.joins_groups() {
            let names: Vec<_> = (0..evaluator.items().len()).map(|index| evaluator.split_group(index)).collect();
            let hash = hex::encode(&Sha256::digest(names.join("\0"))[..8]);
            entries.push(("the joined groups of the items".to_owned(), hash));
        }
        let mut fingerprint = Self { entries };
        for (name, value) in decisive(settings) {
            fingerprint = fingerprint.with_setting(name, value);
        }
        fingerprint.with_setting("svd", format!("{:?}", truncation.method()).to_lowercase())
    }

    /// The fingerprint with one more setting.
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.entries.push((format!("the setting `{name}`"), value.into()));
        self
    }

    /// Checks that the other members of a team run the same search.
    ///
    /// # Errors
    /// The differences; a file of the team that cannot be read or written.
    pub fn agree(&self, team: &Team) -> Result<()> {
        let first = team.tell_first("fingerprint", &self.text())?;
        match self.conflict(&first) {
            Some(differences) => {
                let problem = format!("the folder is that of another search: {differences}");
                Err(Error::setting("out", problem))
            }
            None => Ok(()),
        }
    }

    /// The fingerprint as JSON.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("names and values are texts")
    }

    /// The differences from a stored fingerprint, given as JSON; `None` if there are none.
    pub(super) fn conflict(&self, stored: &str) -> Option<String> {
        if stored == self.text() {
            return None;
        }
        Some(match serde_json::from_str(stored) {
            Ok(stored) => self.differences(&stored),
            Err(_) => "it is of an earlier version of Laser".to_owned(),
        })
    }

    /// Says in what this run differs from the `stored` one: the names, with both values.
    fn differences(&self, stored: &Self) -> String {
        let value =
            |of: &Self, name: &str| of.entries.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        let names = self.entries.iter().chain(&stored.entries).map(|(name, _)| name);
        let mut seen = BTreeSet::new();
        let differing = names.filter(|name| seen.insert(name.as_str()));
        let told = differing.filter_map(|name| {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "absent".to_owned());
            let (now, then) = (value(self, name), value(stored, name));
            (now != then).then(|| format!("{name} was {}, is now {}", shown(then), shown(now)))
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// Settings that decide the trials. Threads and the statistics of the proof do not.
fn decisive(settings: &Settings) -> Vec<(&'static str, String)> {
    let Settings { space, plan, budget, objective, protocol, .. } = settings;
    let list = |values: Vec<String>| values.join(",");
    let limit = |limit: Option<usize>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let mut entries = vec![
        ("layers", list(space.layers.iter().map(usize::to_string).collect())),
        ("matrices", list(space.matrices.iter().map(ToString::to_string).collect())),
        ("rho", list(space.reductions.iter().map(ToString::to_string).collect())),
        ("strategy", plan.to_string()),
        ("candidates", settings.candidates.to_string()),
        ("screen-items", settings.screen_items.to_string()),
        ("criterion", settings.criterion.to_string()),
        ("error-rate", settings.error_rate.to_string()),
        ("greedy-order", settings.greedy_order.to_string()),
        ("greedy-passes", settings.greedy_passes.to_string()),
        ("beam-width", settings.beam_width.to_string()),
        ("max-trials", limit(budget.trials)),
        ("max-items", limit(budget.items)),
        ("objective", objective.measure.to_string()),
        ("aggregate", objective.over.to_string()),
        ("guard", list(objective.guards.iter().map(|guard| format!("{}:{}", guard.part, guard.max_drop)).collect())),
        ("finalists", settings.finalists.to_string()),
        ("max-damage", settings.max_damage.map_or_else(|| "none".to_owned(), |bound| bound.to_string())),
        ("split-seed", settings.split_seed.to_string()),
        ("seed", settings.order_seed.to_string()),
    ];
    match protocol {
        Protocol::Paper => entries.push(("protocol", "paper".to_owned())),
        Protocol::Honest { fractions } => {
            let shares = format!("{},{}", fractions.search(), fractions.validation());
            entries.extend([("protocol", "honest".to_owned()), ("split-fractions", shares)]);
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::objective::{Measure, Objective};
    use laser_model::config::ModelConfig;

    fn settings() -> Settings {
        let text = r#"{"model_type":"llama","vocab_size":10,"hidden_size":20,"intermediate_size":40,
            "num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1}"#;
        Settings::new(&ModelConfig::from_hf("config.json", text).expect("config"), 4)
    }

    fn fingerprint(settings: &Settings) -> Fingerprint {
        let model = Fingerprint { entries: vec![("the model".to_owned(), "abc".to_owned())] };
        decisive(settings).into_iter().fold(model, |all, (name, value)| all.with_setting(name, value))
    }

    #[test]
    fn threads_memory_and_statistics_decide_no_trial() {
        let other =
            Settings { resamples: 5, permutations: 6, statistics_seed: 7, threads: 1, memory: Some(8), ..settings() };
        assert_eq!(fingerprint(&other), fingerprint(&settings()));
    }

    #[test]
    fn differences_are_told_by_name() {
        let other = Settings {
            objective: Objective { measure: Measure::Margin, ..Objective::default() },
            error_rate: 0.1,
            ..settings()
        };
        let told = fingerprint(&other).differences(&fingerprint(&settings()));
        assert_eq!(
            told,
            "the setting `error-rate` was 0.05, is now 0.1; the setting `objective` was accuracy, is now margin"
        );
        let paper = Settings { protocol: Protocol::Paper, ..settings() };
        let told = fingerprint(&paper).differences(&fingerprint(&settings()));
        assert_eq!(
            told,
            "the setting `protocol` was honest, is now paper; the setting `split-fractions` was 0.4,0.2, is now absent"
        );
    }

    #[test]
    fn a_fingerprint_is_read_back() {
        let written = serde_json::to_string(&fingerprint(&settings())).expect("writes");
        assert_eq!(serde_json::from_str::<Fingerprint>(&written).expect("reads"), fingerprint(&settings()));
    }
}
