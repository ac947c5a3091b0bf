//! The built-in tasks: takes a task's published data in any of its layouts, gives items under the profile `clean` or
//! `paper`. One file per data set holds the task's description ([`TaskInfo`]), prompts and scores.

mod arc;
mod bigbench;
mod bios;
mod counterfact;
pub(crate) mod data_source;
mod fever;
mod hellaswag;
mod hotpotqa;
mod info;
mod known_1000;
mod lambada;
mod ordinary_text;
mod piqa;
mod records;
#[cfg(test)]
mod testing;
mod truthfulqa;
mod wikitext;
mod wording;
mod world_facts;

pub use info::{HubData, TaskInfo};

/// The built-in tasks: first our own, then those of the paper, in its order.
pub static BUILT_IN: &[TaskInfo] = &[
    world_facts::INFO,
    world_facts::SHOWN,
    ordinary_text::INFO,
    counterfact::INFO,
    hotpotqa::INFO,
    fever::INFO,
    bios::GENDER,
    bios::PROFESSION,
    truthfulqa::INFO,
    bigbench::EPISTEMIC,
    bigbench::WIKIDATA,
    known_1000::INFO,
    lambada::INFO,
    arc::EASY,
    arc::CHALLENGE,
    piqa::INFO,
    hellaswag::INFO,
    wikitext::INFO,
];

impl TaskInfo {
    /// Finds a built-in task by name.
    pub fn named(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|info| info.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::built_in::testing::without_records;
    use crate::options::TaskOptions;
    use crate::task::{Item, Task};

    /// Items without ids and groups, which some layouts do not contain.
    fn without_ids(path: &Path, info: &TaskInfo) -> Vec<Item> {
        let task = Task::open(info.name, Some(path), &TaskOptions::default());
        let task = task.unwrap_or_else(|e| panic!("{}: {e}", info.name));
        without_records(task).into_iter().map(|item| Item { id: String::new(), group: String::new(), ..item }).collect()
    }

    #[test]
    fn every_layout_gives_the_same_items() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../goldens/tasks/data");
        for info in BUILT_IN.iter().filter(|info| info.needs_data) {
            let folder = match info.name {
                "bios-gender" | "bios-profession" => "bios",
                "arc-easy" | "arc-challenge" => "arc",
                name => name,
            };
            let items = without_ids(&data.join(folder), info);
            // Files with other items: labels only, and one prompt per record instead of three.
            let other = ["valid-labels.lst", "flat.json"];
            let entries = std::fs::read_dir(data.join(folder)).expect("a folder a task");
            let files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
            let files: Vec<_> = files.iter().filter(|path| !other.iter().any(|name| path.ends_with(name))).collect();
            assert!(files.len() > 1, "{folder}: at least two layouts");
            for file in files {
                assert!(without_ids(file, info) == items, "{} {}", info.name, file.display());
            }
        }
    }

    #[test]
    fn descriptions_are_complete_and_names_are_unique() {
        for (i, info) in BUILT_IN.iter().enumerate() {
            assert!(BUILT_IN[..i].iter().all(|earlier| earlier.name != info.name), "{}", info.name);
            assert_eq!(info.needs_data, !info.example.is_empty() && !info.files.is_empty(), "{}", info.name);
            let revision = info.hub.map_or("0123456789012345678901234567890123456789", |hub| hub.revision);
            assert!(revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit()), "{}", info.name);
            let names: Vec<&str> = info.files.iter().flat_map(|names| names.iter().copied()).collect();
            let hub = info.hub.map_or(&[][..], |hub| hub.files);
            assert!(hub.iter().all(|name| names.contains(name)), "{}: the files on the Hub are read", info.name);
        }
    }
}
