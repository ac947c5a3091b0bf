//! Lexicon of a count: the distinct names, the subjects and answers that they name, and the pairs to count.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::canonical::canonical_name;
use crate::error::{Error, Result};
use crate::item::Item;
use crate::rules::{Case, Rules};

/// Names, entities and pairs of a list of items. An entity is a set of names: a subject or an answer with its aliases.
#[derive(Debug)]
pub(crate) struct Lexicon {
    /// Distinct canonical names.
    pub(crate) names: Vec<String>,
    /// Entities of each name.
    pub(crate) entities_of_name: Groups,
    /// Answer and pair for each pair of an entity as the subject.
    pub(crate) pairs_of_subject: Groups<[u32; 2]>,
    /// Number of entities.
    pub(crate) entities: usize,
    /// Subject and answer of each pair.
    pub(crate) pairs: Vec<[u32; 2]>,
    /// The pair of each item.
    pub(crate) pair_of_item: Vec<u32>,
}

impl Lexicon {
    /// The lexicon of `items`.
    pub(crate) fn new(items: &[Item], case: Case) -> Result<Self> {
        let mut names = Numbers::default();
        let mut entities: Numbers<Vec<u32>> = Numbers::default();
        let mut pairs = Numbers::default();
        let mut pair_of_item = Vec::with_capacity(items.len());
        for item in items {
            let mut entity = |what: &str, name: &str, aliases: &[String]| -> Result<u32> {
                let all = std::iter::once(name).chain(aliases.iter().map(String::as_str));
                let mut numbers = Vec::with_capacity(1 + aliases.len());
                for name in all {
                    let canonical = canonical_name(name, case);
                    if canonical.is_empty() {
                        let problem = format!("{what}: expected a name, found {name:?}");
                        return Err(Error::Item { id: item.id.clone(), problem });
                    }
                    numbers.push(names.number(canonical));
                }
                numbers.sort_unstable();
                numbers.dedup();
                Ok(entities.number(numbers))
            };
            let subject = entity("subject", &item.subject, &item.subject_aliases)?;
            let answer = entity("answer", &item.answer, &item.answer_aliases)?;
            pair_of_item.push(pairs.number([subject, answer]));
        }
        let entities = entities.values;
        let pairs = pairs.values;
        let named = entities.iter().zip(0..).flat_map(|(names, entity)| names.iter().map(move |&name| (name, entity)));
        let paired = pairs.iter().zip(0..).map(|(&[subject, answer], pair)| (subject, [answer, pair]));
        Ok(Self {
            entities_of_name: Groups::new(names.values.len(), named),
            pairs_of_subject: Groups::new(entities.len(), paired),
            names: names.values,
            entities: entities.len(),
            pairs,
            pair_of_item,
        })
    }

    /// Hash of everything that decides the counts of a shard: names, entities, pairs and `rules`.
    pub(crate) fn hash(&self, rules: &Rules) -> Sha256 {
        let mut hash = Sha256::new();
        hash.update(format!("{rules:?}\n"));
        for name in &self.names {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
        }
        for name in 0..self.names.len() {
            let entities = self.entities_of_name.get(name);
            hash.update((entities.len() as u64).to_le_bytes());
            entities.iter().for_each(|entity| hash.update(entity.to_le_bytes()));
        }
        self.pairs.iter().flatten().for_each(|entity| hash.update(entity.to_le_bytes()));
        hash
    }
}

/// Distinct values, numbered in the order of their first occurrence.
#[derive(Debug)]
struct Numbers<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.values.len()).expect("items in memory have fewer than 2³² names");
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }
}

/// Lists of values, one after the other in one piece of memory.
#[derive(Debug)]
pub(crate) struct Groups<T = u32> {
    /// Start of each group, and the end of the last.
    starts: Vec<usize>,
    values: Vec<T>,
}

impl<T: Copy> Groups<T> {
    /// `groups` groups of values, each given with the number of its group.
    fn new(groups: usize, values: impl Iterator<Item = (u32, T)>) -> Self {
        let mut values: Vec<(u32, T)> = values.collect();
        values.sort_by_key(|(group, _)| *group);
        let start = |group: usize| values.partition_point(|(of, _)| (*of as usize) < group);
        Self { starts: (0..=groups).map(start).collect(), values: values.iter().map(|(_, value)| *value).collect() }
    }

    /// The values of a group.
    pub(crate) fn get(&self, group: usize) -> &[T] {
        &self.values[self.starts[group]..self.starts[group + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(subject: &str, answer: &str, aliases: &[&str]) -> Item {
        let subject_aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
        Item {
            id: subject.to_owned(),
            subject: subject.into(),
            answer: answer.into(),
            subject_aliases,
            ..Item::default()
        }
    }

    #[test]
    fn names_entities_and_pairs_are_distinct() {
        let items = [item("Paris", " France", &[]), item("Lyon", "France", &[]), item("Paris", "France", &["Lutetia"])];
        let lexicon = Lexicon::new(&items, Case::Exact).expect("names");
        assert_eq!(lexicon.names, ["Paris", "France", "Lyon", "Lutetia"]);
        assert_eq!(lexicon.pairs, [[0, 1], [2, 1], [3, 1]]);
        assert_eq!(lexicon.entities_of_name.get(0), [0, 3]);
        assert_eq!(lexicon.pairs_of_subject.get(3), [[1, 2]]);
        assert_eq!(lexicon.pairs_of_subject.get(1), [[0_u32; 2]; 0]);
    }

    #[test]
    fn an_item_without_a_name_is_refused() {
        let error = Lexicon::new(&[item("Paris", " ", &[])], Case::Exact).expect_err("no answer");
        assert_eq!(error.to_string(), "item Paris: answer: expected a name, found \" \"");
    }
}
