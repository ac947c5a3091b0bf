//! Known-1000 (the causal tracing set of ROME; Meng et al. 2022): facts that GPT-2 XL completes, one prompt per fact.

use super::data_source::DataSource;
use super::info::TaskInfo;
use super::records::id;
use super::wording::suffix_after_mask;
use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::options::{Profile, TaskOptions};
use crate::score::Score;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "known-1000",
    about: "facts that GPT-2 XL knows, as prompts to complete",
    source: "known_1000.json of the ROME project",
    licence: "MIT",
    size: 1209,
    needs_data: true,
    quirks: &["the paper does not use this set: scored as the paper scores CounterFact, by the answer's first token"],
    wordings: &[],
    hub: None,
    files: &[&["known_1000.json"]],
    example: r#"{"known_id": 0, "subject": "Vinson Massif", "attribute": "Antarctica",
        "prompt": "Vinson Massif is located in the continent of"}"#,
    read,
};

/// Reads the task.
fn read(source: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let items = source.items(&INFO, setup, |record, _| {
        Ok(vec![Item {
            id: id(record, "known_id"),
            group: record.text("subject")?.trim().to_owned(),
            relation: id(record, "relation_id"),
            prompt: record.text("prompt")?.trim_end().to_owned(),
            suffix: suffix_after_mask(setup),
            answers: vec![record.text("attribute")?.trim().to_owned()],
            ..Item::default()
        }])
    })?;
    let (score, boundary) = match setup.profile {
        Profile::Clean => (Score::GREEDY, Boundary::Joint),
        Profile::Paper => (Score::TOP1, Boundary::Apart),
    };
    Ok(Task { join: Join::at(boundary), ..items.task(INFO.name, score)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in::testing::{prompts_of_all_setups, real_data};

    #[test]
    fn prompts_of_each_profile() {
        let prompt = "Vinson Massif is located in the continent of";
        let [causal, masked] = [format!("{prompt} [Antarctica]"), format!("{prompt} [mask].")];
        assert_eq!(prompts_of_all_setups(&INFO, None), [causal.clone(), masked.clone(), causal, masked]);
    }

    #[test]
    fn real_data_has_the_published_size() {
        let Some(path) = real_data("known_1000/known_1000.json") else { return };
        let task = Task::open(INFO.name, Some(&path), &TaskOptions::default()).expect("known-1000");
        assert_eq!((task.items.len(), task.default_score), (INFO.size, Score::GREEDY));
    }
}
