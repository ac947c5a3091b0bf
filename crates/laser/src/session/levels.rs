//! The task `sokoban`: a folder of levels for a Decision Transformer that plays them.

use std::path::Path;
use std::sync::Arc;

use laser_sokoban::Part;
use laser_task::{Item, Score, Task};
use serde_json::json;

use super::{ScoredTasks, Session, TaskRequest, TaskSettings};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, digits};
use crate::sokoban::{LevelSet, PlayerSettings};

/// Name of the task whose items are levels.
pub const SOKOBAN: &str = "sokoban";

impl TaskSettings {
    /// The request for levels, if there is one.
    pub(super) fn levels(&self) -> Option<&TaskRequest> {
        self.tasks.iter().find(|request| request.name == SOKOBAN)
    }
}

impl Session {
    /// Opens the task `sokoban` with the levels of the search and the test part of a folder. Those of the training part
    /// are no items: the model was trained on them.
    pub(super) fn open_levels(&self, settings: &TaskSettings, request: &TaskRequest) -> Result<ScoredTasks> {
        let alone = settings.tasks.len() == 1 && settings.chat.is_none();
        let plain = settings.matching.is_none() && settings.max_tokens.is_none() && settings.num_fewshot.is_none();
        if !(alone && plain) {
            let problem =
                format!("expected {SOKOBAN} alone, without options of texts, found other tasks or such options");
            return Err(Error::setting("task", problem));
        }
        let Some(data) = &request.data else {
            let problem = format!("the task {SOKOBAN} reads a folder of levels: laser lab sokoban levels makes one");
            return Err(Error::setting("data", problem));
        };
        let player = PlayerSettings::read(self.files.path())?;
        let set = LevelSet::open(Path::new(data))?;
        let items = items(&set);
        if items.is_empty() {
            let problem = format!("{data}: expected levels of the search or the test part, found none");
            return Err(Error::setting("data", problem));
        }
        let task = Task::new(SOKOBAN.to_owned(), items, Score::Play)?;
        let task = Task { data: Some(data.clone()), ..task }.limited(settings.limit)?;
        let score = request.score.unwrap_or(task.default_score);
        Ok(ScoredTasks {
            tasks: vec![(task, score)],
            wording: Vec::new(),
            player: Some(player),
            fewshot_seed: settings.fewshot_seed,
            limit: settings.limit,
        })
    }

    /// The tasks, as this session's model reads or plays them.
    pub(super) fn evaluator<'a>(&'a self, tasks: &'a ScoredTasks) -> Result<Evaluator<'a>> {
        match (tasks.player, tasks.tasks.as_slice()) {
            (Some(player), [(task, score)]) => Evaluator::of_levels(task, *score, player, self.config()),
            _ => Evaluator::new(&tasks.by_reference(), self.tokenizer()?, self.config()),
        }
    }
}

/// The levels of the search and the test part as items: the rows are the prompt, the moves of the demonstration the
/// answer, and the room is the group.
fn items(set: &LevelSet) -> Vec<Item> {
    let of_level = |index: usize| {
        let record = &set.levels[index].record;
        let held_out = match record.split {
            Part::Train => return None,
            Part::Search => false,
            Part::Test => true,
        };
        let moves: Vec<_> =
            set.episode(index).iter().flat_map(|e| &e.demonstration.steps).map(|step| step.action).collect();
        Some(Item {
            id: record.id.clone(),
            group: record.room.to_string(),
            prompt: record.rows.join("\n"),
            answers: vec![digits(&moves)],
            held_out: Some(held_out),
            doc: Arc::new(json!({ "id": record.id, "room": record.room, "optimal": record.optimal })),
            ..Item::default()
        })
    };
    (0..set.levels.len()).filter_map(of_level).collect()
}
