//! The built-in task `ordinary-text`: passages of varied English written for Laser, to measure what an edit costs on text
//! that has nothing to do with its task.
//!
//! Each passage, such as an encyclopaedia entry, a story or a program, is one file in `crates/task/data/ordinary_text`;
//! the README there says how they were written. The first part of an item's id is its kind.

use super::data_source::DataSource;
use super::info::TaskInfo;
use crate::error::Result;
use crate::options::TaskOptions;
use crate::score::Score;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "ordinary-text",
    about: "passages of an encyclopaedia, stories, dialogues, letters and code: perplexity of each passage",
    source: "written for Laser, ships inside it",
    licence: "CC0-1.0",
    size: 24,
    needs_data: false,
    quirks: &["the paper does not use this set: both profiles are the same"],
    wordings: &[],
    hub: None,
    files: &[],
    example: "",
    read,
};

macro_rules! passages {
    ($($name:literal)*) => {
        /// Id and text of every passage.
        static PASSAGES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../data/ordinary_text/", $name, ".txt")))),*];
    };
}

// Kinds in turn, so that the first passages are a sample of all of them.
passages! {
    "01_encyclopaedia_tides"
    "09_narrative_ferry"
    "15_dialogue_lesson"
    "19_everyday_recipe"
    "22_code_python_rainfall"
    "02_encyclopaedia_deltas"
    "10_narrative_clock"
    "16_dialogue_interview"
    "03_encyclopaedia_paper"
    "11_narrative_key"
    "20_everyday_letter"
    "23_code_rust_history"
    "04_encyclopaedia_refrigeration"
    "12_narrative_tortoise"
    "17_dialogue_chat"
    "05_encyclopaedia_lichens"
    "13_narrative_coach"
    "21_everyday_news"
    "24_code_shell_sql_json"
    "06_encyclopaedia_auctions"
    "14_narrative_orbit"
    "18_dialogue_bakery"
    "07_encyclopaedia_temperament"
    "08_encyclopaedia_finders"
}

/// Makes one item of each passage.
fn read(_: DataSource<'_>, _: &TaskOptions<'_>) -> Result<Task> {
    let item = |(name, text): &(&str, &str)| {
        let id = name.split_once('_').map_or(*name, |(_, id)| id).to_owned();
        Item { group: id.clone(), id, answers: vec![(*text).to_owned()], ..Item::default() }
    };
    Task::new(INFO.name.to_owned(), PASSAGES.iter().map(item).collect(), Score::PERPLEXITY)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_passage_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/ordinary_text");
        let files = std::fs::read_dir(folder)
            .expect("folder")
            .filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "txt")));
        let ids: BTreeSet<&str> = PASSAGES.iter().map(|(id, _)| *id).collect();
        assert_eq!((files.count(), ids.len()), (PASSAGES.len(), INFO.size));
        let task = read(DataSource::Embedded, &TaskOptions::default()).expect("ordinary-text");
        assert_eq!(task.items[1].id, "narrative_ferry");
        assert!(task.items[1].target().starts_with("My uncle ran the last ferry"));
        let words: usize = task.items.iter().map(|item| item.target().split_whitespace().count()).sum();
        assert!(words > 7_500, "{words} words");
    }
}
