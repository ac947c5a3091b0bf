//! The built-in task `world-facts`: true, stable facts written for Laser, with several paraphrased prompts per
//! relation.
//!
//! Each relation, such as the capital of a country, is one file in `crates/task/data/world_facts`; the README there
//! describes the format and how the facts were collected. Every pair of a fact and a prompt is one item; all items
//! about a subject form one group.

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
    about: "facts of geography, culture, science and language, three or more paraphrased prompts each",
    source: "written for Laser, ships inside it",
    licence: "CC0-1.0",
    size: 15_592,
    needs_data: false,
    quirks: &["the paper does not use this set: both profiles are the same"],
    hub: None,
    files: &[],
    example: "",
    read,
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
    prompts: Vec<String>,
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

/// Makes the items of all relations, in a mixed but fixed order.
fn read(_: DataSource<'_>, setup: &TaskOptions<'_>) -> Result<Task> {
    let mut items = Vec::new();
    for (name, text) in RELATIONS {
        let relation: Relation = serde_json::from_str(text).map_err(|e| Error::parse(*name, e))?;
        for (i, prompt) in relation.prompts.iter().enumerate() {
            for (j, fact) in relation.facts.iter().enumerate() {
                let sort_key = (Sha256::digest(format!("{name}/{i}/{}", j / RUN)).to_vec(), j);
                let item = Item {
                    id: format!("{name}/{}/{i}", fact.subject),
                    group: fact.subject.clone(),
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
    Task::new(INFO.name.to_owned(), items.into_iter().map(|(_, item)| item).collect(), Score::GREEDY)
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
        let task = read(DataSource::Embedded, &TaskOptions::default()).expect("world-facts");
        assert_eq!(task.items.len(), INFO.size);
        assert!(task.items.iter().any(|i| i.prompt == "The capital of France is" && i.target() == "Paris"));
    }
}
