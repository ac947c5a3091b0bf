//! The built-in tasks `world-facts` and `world-facts-shown`: true, stable facts written for Laser, with several
//! paraphrased prompts per relation.
//!
//! Each relation, such as the capital of a country, is one file in `crates/task/data/world_facts`; the README there
//! describes the format and how the facts were collected. A file has two lists of prompts, one for each task: plain
//! statements that stop before the answer, and prompts that mostly contain a worked example. Every pair of a fact and a
//! prompt is one item; all items about a subject form one group.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::data_source::DataSource;
use super::info::TaskInfo;
use super::wording::suffix_after_mask;
use crate::error::{Error, Result};
use crate::options::TaskOptions;
use crate::score::Score;
use crate::task::{Item, Task};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "world-facts",
    about: "facts of geography, culture, science and language, three or more plain statements each",
    source: "written for Laser, ships inside it",
    licence: "CC0-1.0",
    size: 15_592,
    needs_data: false,
    quirks: &["the paper does not use this set: both profiles are the same"],
    wordings: &["world-facts-shown"],
    hub: None,
    files: &[],
    example: "",
    read: read_plain,
};

pub(super) const SHOWN: TaskInfo = TaskInfo {
    name: "world-facts-shown",
    about: "the facts of world-facts, most prompts with a worked example",
    size: 15_592,
    wordings: &["world-facts"],
    read: read_shown,
    ..INFO
};

macro_rules! relations {
    ($($name:literal)*) => {
        /// Name and JSON text of every relation.
        static RELATIONS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../data/world_facts/", $name, ".json")))),*];
    };
}

relations! {
    "atomic_number"
    "author_of_book"
    "birth_country"
    "capital"
    "capital_of_us_state"
    "character_creator"
    "chemical_symbol"
    "company_of_product"
    "composer_of_work"
    "continent_of_country"
    "continent_of_natural_feature"
    "country_of_city"
    "country_of_landmark"
    "currency"
    "demonym"
    "director_of_film"
    "discoverer"
    "formula_of_compound"
    "founder_of_organization"
    "instrument_of_musician"
    "inventor"
    "native_language"
    "occupation"
    "official_language"
    "opposite_word"
    "painter_of_work"
    "past_tense"
    "planet_of_moon"
    "plural_of_noun"
    "sea_of_river_mouth"
    "sport_of_athlete"
    "us_state_of_city"
    "year_of_event"
    "young_of_animal"
}

/// One relation. Each prompt contains `{}` for the subject.
#[derive(Deserialize)]
struct Relation {
    /// Plain statements that stop before the answer.
    prompts: Vec<String>,
    /// Prompts that mostly contain a worked example.
    shown: Vec<String>,
    facts: Vec<Fact>,
}

/// One fact of a relation.
#[derive(Deserialize)]
struct Fact {
    subject: String,
    answer: String,
    #[serde(default)]
    aliases: Vec<String>,
}

/// Number of facts of one relation and prompt that stay together in the mixed order, so that a forward pass computes
/// their shared prefix once.
const RUN: usize = 16;

/// Reads `world-facts`.
fn read_plain(_: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    read(INFO.name, |relation| &relation.prompts, setup)
}

/// Reads `world-facts-shown`.
fn read_shown(_: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    read(SHOWN.name, |relation| &relation.shown, setup)
}

/// Makes the items of all relations with one of their lists of prompts, in a mixed but fixed order.
fn read(task: &str, prompts: fn(&Relation) -> &[String], setup: &TaskOptions<'_>) -> Result<Task> {
    let mut items = Vec::new();
    for (name, text) in RELATIONS {
        let relation: Relation = serde_json::from_str(text).map_err(|e| Error::parse(*name, e))?;
        for (i, prompt) in prompts(&relation).iter().enumerate() {
            for (j, fact) in relation.facts.iter().enumerate() {
                let sort_key = (Sha256::digest(format!("{name}/{i}/{}", j / RUN)).to_vec(), j);
                let item = Item {
                    id: format!("{name}/{}/{i}", fact.subject),
                    group: fact.subject.clone(),
                    relation: (*name).to_owned(),
                    suffix: suffix_after_mask(setup),
                    prompt: capitalised(&prompt.replace("{}", &fact.subject)),
                    answers: std::iter::once(&fact.answer).chain(&fact.aliases).cloned().collect(),
                    ..Item::default()
                };
                items.push((sort_key, item));
            }
        }
    }
    // Sorting by a hash mixes the relations, so that the first items are a sample of all of them.
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    Task::new(task.to_owned(), items.into_iter().map(|(_, item)| item).collect(), Score::GREEDY)
}

/// The text with its first letter in upper case.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relation_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/world_facts");
        let files = std::fs::read_dir(folder)
            .expect("folder")
            .filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "json")));
        assert_eq!(files.count(), RELATIONS.len());
        let asks = |info: &TaskInfo, prompt: &str, answer: &str| {
            let task = info.example_task(&TaskOptions::default()).expect(info.name);
            assert_eq!((task.name.as_str(), task.items.len()), (info.name, info.size));
            task.items.iter().any(|i| i.prompt == prompt && i.target() == answer)
        };
        assert!(asks(&INFO, "The capital of France is", "Paris"));
        let plain = "In the past tense, go becomes";
        assert!(asks(&INFO, plain, "went") && !asks(&SHOWN, plain, "went"));
        let shown = "The past tense of hear is heard, and the past tense of go is";
        assert!(asks(&SHOWN, shown, "went") && !asks(&INFO, shown, "went"));
    }
}
