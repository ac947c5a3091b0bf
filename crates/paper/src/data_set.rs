//! The data sets of the paper's table 1, and where a folder has them.

use std::path::{Path, PathBuf};

use crate::published::{self, PublishedCell, PublishedRow};

/// A data set of the paper.
#[derive(Debug)]
pub struct DataSet {
    /// The paper's name.
    pub name: &'static str,
    /// The built-in task.
    pub task: &'static str,
    /// Places in a folder of data where it may be, the first that exists counts.
    places: &'static [&'static str],
    published: PublishedRow,
}

/// The data sets in the order of table 1.
pub const DATA_SETS: [DataSet; 8] = [
    data_set("CounterFact", "counterfact", &["counterfact", "counterfact.json"], published::COUNTERFACT),
    data_set("HotpotQA", "hotpotqa", &["hotpotqa", "hotpot_qa"], published::HOTPOTQA),
    data_set("FEVER", "fever", &["fever"], published::FEVER),
    data_set("Bios Gender", "bios-gender", &["bios", "bias_in_bios"], published::BIOS_GENDER),
    data_set("Bios Profession", "bios-profession", &["bios", "bias_in_bios"], published::BIOS_PROFESSION),
    data_set("TruthfulQA", "truthfulqa", &["truthfulqa", "truthful_qa"], published::TRUTHFULQA),
    data_set(
        "BigBench-Epistemic Reasoning",
        "bigbench-epistemic",
        &["bigbench/epistemic_reasoning", "epistemic_reasoning"],
        published::EPISTEMIC,
    ),
    data_set(
        "BigBench-WikidataQA",
        "bigbench-wikidataqa",
        &["bigbench/qa_wikidata", "qa_wikidata"],
        published::WIKIDATAQA,
    ),
];

const fn data_set(
    name: &'static str,
    task: &'static str,
    places: &'static [&'static str],
    published: PublishedRow,
) -> DataSet {
    DataSet { name, task, places, published }
}

impl DataSet {
    /// The paper's numbers for each of its models, in the order of [`crate::PaperModel`].
    pub fn published(&self) -> &[PublishedCell; 3] {
        &self.published
    }

    /// The file or folder of the data set in `folder`; `None` if it is not there.
    pub fn find(&self, folder: &Path) -> Option<PathBuf> {
        self.places.iter().map(|place| folder.join(place)).find(|path| path.exists())
    }

    /// The places where it is looked for, as text.
    pub fn places(&self) -> String {
        self.places.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use laser::task::built_in::BUILT_IN;

    use super::*;

    #[test]
    fn every_data_set_is_a_built_in_task_and_is_found_by_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        for data_set in &DATA_SETS {
            assert!(BUILT_IN.iter().any(|info| info.name == data_set.task), "{}", data_set.task);
        }
        assert!(DATA_SETS.iter().all(|data_set| data_set.find(folder.path()).is_none()));
        std::fs::create_dir_all(folder.path().join("bigbench/qa_wikidata")).expect("a folder");
        std::fs::create_dir_all(folder.path().join("bios")).expect("a folder");
        let found: Vec<&str> =
            DATA_SETS.iter().filter(|set| set.find(folder.path()).is_some()).map(|set| set.task).collect();
        assert_eq!(found, ["bios-gender", "bios-profession", "bigbench-wikidataqa"]);
    }
}
