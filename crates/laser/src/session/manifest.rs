//! The provenance of a result: tool, model, tasks and settings.

use std::collections::BTreeMap;

use laser_task::Task;
use serde_json::Value;

use super::{ScoredTasks, Session};
use crate::edit::recipe::BaseModel;
use crate::error::Result;
use crate::evaluate::Evaluator;
use crate::results::{Manifest, ModelIdentity, TaskIdentity};

impl Session {
    /// The manifest of a result on `tasks`; the caller adds what is special to its job.
    /// Names and hashes of several tasks are joined by commas.
    pub(super) fn manifest(&self, tasks: &ScoredTasks) -> Result<Manifest> {
        let joined =
            |of: fn(&Task) -> String| tasks.tasks.iter().map(|(task, _)| of(task)).collect::<Vec<_>>().join(",");
        let data: Vec<String> = tasks.tasks.iter().filter_map(|(task, _)| task.data.clone()).collect();
        let mut config: BTreeMap<String, Value> = tasks.wording.iter().cloned().collect();
        if !data.is_empty() {
            config.insert("data".to_owned(), data.into());
        }
        if let Some(player) = &tasks.player {
            config.insert("player".to_owned(), serde_json::to_value(player).expect("settings are plain data"));
        }
        Ok(Manifest {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            git_hash: option_env!("LASER_GIT_HASH").map(str::to_owned),
            model: ModelIdentity {
                path: self.name.clone(),
                sha256: self.sha256()?,
                architecture: self.config().family.model_type.to_owned(),
                adapters: self.adapters()?,
            },
            task: TaskIdentity { name: joined(|task| task.name.clone()), sha256: joined(Task::sha256) },
            config,
            seeds: BTreeMap::new(),
            dtype: self.device().dtype_name().to_owned(),
            device: self.device().name.clone(),
            threads: self.threads(),
            date: None,
            host: None,
        })
    }

    /// The model a recipe is made for.
    pub(super) fn base_model(&self) -> Result<BaseModel> {
        Ok(BaseModel {
            source: self.name.clone(),
            sha256: self.sha256()?,
            architecture: self.config().family.model_type.to_owned(),
            adapters: self.adapters()?,
        })
    }
}

/// The scores of a manifest: one value, or a list for several tasks.
pub(super) fn score_value(evaluator: &Evaluator<'_>) -> Value {
    let value = |score| serde_json::to_value(score).expect("a score is plain data");
    let mut scores: Vec<Value> = evaluator.tasks().iter().map(|part| value(part.score)).collect();
    if scores.len() == 1 { scores.remove(0) } else { scores.into() }
}
