//! Known-1000 (ROME's causal tracing set): facts that GPT-2 XL completes, one prompt a fact.

use super::info::TaskInfo;
use super::records::{Source, id};
use super::wording::full_stop;
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::score::Score;
use crate::setup::{Profile, TaskOptions};
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "known-1000",
    about: "facts that GPT-2 XL knows, as prompts to complete",
    source: "known_1000.json of the ROME project",
    licence: "MIT",
    size: 1209,
    needs_data: true,
    quirks: &["the paper does not use this set: scored as the paper scores CounterFact, by the answer's first token"],
    hub: None,
    files: &[&["known_1000.json"]],
    example: r#"{"known_id": 0, "subject": "Vinson Massif", "attribute": "Antarctica",
        "prompt": "Vinson Massif is located in the continent of"}"#,
    read,
};

fn read(source: Source<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let made = source.items(&INFO, setup, |row, _| {
        Ok(vec![Item {
            id: id(row, "known_id"),
            group: row.text("subject")?.trim().to_owned(),
            prompt: row.text("prompt")?.trim_end().to_owned(),
            suffix: full_stop(setup),
            answers: vec![row.text("attribute")?.trim().to_owned()],
            ..Item::default()
        }])
    })?;
    let (score, boundary) = match setup.profile {
        Profile::Clean => (Score::GREEDY, Boundary::Joint),
        Profile::Paper => (Score::TOP1, Boundary::Apart),
    };
    Ok(Task { join: Join::at(boundary), ..made.task(INFO.name, score)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{four, real};

    #[test]
    fn prompts_are_those_of_each_profile() {
        let prompt = "Vinson Massif is located in the continent of";
        let [causal, masked] = [format!("{prompt} [Antarctica]"), format!("{prompt} [mask].")];
        assert_eq!(four(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
    }

    #[test]
    fn the_real_set_has_its_size() {
        let Some(path) = real("known_1000/known_1000.json") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("known-1000");
        assert_eq!((task.items.len(), task.default_score), (INFO.size, Score::GREEDY));
    }
}
