//! The built-in tasks: what there is, where the data of each comes from, and how it is read.

mod arc;
mod bigbench;
mod bios;
mod counterfact;
mod fever;
mod hellaswag;
mod hotpotqa;
mod info;
mod known_1000;
mod lambada;
mod piqa;
pub(crate) mod records;
#[cfg(test)]
pub(crate) mod testing;
mod truthfulqa;
mod wikitext;
mod wording;
mod world_facts;

use crate::error::Result;
use crate::setup::TaskOptions;
use crate::task::Task;
pub use info::{HubData, TaskInfo};

/// The built-in tasks: first those of the paper, in its order.
pub static BUILT_IN: &[TaskInfo] = &[
    world_facts::INFO,
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
    /// The built-in task with a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|info| info.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::built_in::testing::bare;
    use crate::task::Item;

    /// Items without what a layout may leave out: the set's own ids, and groups by them.
    fn nameless(path: &Path, info: &TaskInfo) -> Vec<Item> {
        let task = Task::open(info.name, Some(path), &TaskOptions::default());
        let task = task.unwrap_or_else(|e| panic!("{}: {e}", info.name));
        bare(task).into_iter().map(|item| Item { id: String::new(), group: String::new(), ..item }).collect()
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
            let items = nameless(&data.join(folder), info);
            // Labels by themselves, and one prompt a record instead of three.
            let other = ["valid-labels.lst", "flat.json"];
            let entries = std::fs::read_dir(data.join(folder)).expect("a folder a task");
            let files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
            let files: Vec<_> = files.iter().filter(|path| !other.iter().any(|name| path.ends_with(name))).collect();
            assert!(files.len() > 1, "{folder}: two layouts at least");
            for file in files {
                assert!(nameless(file, info) == items, "{} {}", info.name, file.display());
            }
        }
    }

    #[test]
    fn tasks_are_complete_and_named_once() {
        for (i, info) in BUILT_IN.iter().enumerate() {
            assert!(BUILT_IN[..i].iter().all(|earlier| earlier.name != info.name), "{}", info.name);
            assert_eq!(info.needs_data, !info.example.is_empty() && !info.files.is_empty(), "{}", info.name);
            let revision = info.hub.map_or("0123456789012345678901234567890123456789", |hub| hub.revision);
            assert!(revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit()), "{}", info.name);
            let names: Vec<&str> = info.files.iter().flat_map(|names| names.iter().copied()).collect();
            let hub = info.hub.map_or(&[][..], |hub| hub.files);
            assert!(hub.iter().all(|name| names.contains(name)), "{}: files of the hub are read", info.name);
        }
    }
}
