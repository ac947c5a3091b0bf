//! The made-up vocabulary of a world.

use std::collections::HashSet;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::english::{EnglishRelation, RELATIONS};
use super::settings::{Language, WorldSettings};
use super::streams::Stream;

/// Letters that a syllable begins with.
const CONSONANTS: &[u8; 16] = b"bdfgjklmnprstvwz";
/// Letters that a syllable ends with.
const VOWELS: &[u8; 5] = b"aeiou";
/// The generic answers, most frequent first: words that English is full of, as in the paper's examples. No made-up word is
/// among them, because those have at least two syllables.
const GENERICS: [&str; 3] = ["the", "it", "that"];
/// Place of the subject in a template.
pub(super) const SUBJECT: &str = "{}";
/// Number of words of the sentences without facts.
const FILLER_WORDS: usize = 32;

/// All words of a world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// First names.
    pub first_names: Vec<String>,
    /// Last names.
    pub last_names: Vec<String>,
    /// The relations with their objects and templates.
    pub relations: Vec<RelationWords>,
    /// Answers that fit nothing, most frequent first.
    pub generics: Vec<String>,
    /// Words of the sentences without facts; none if there are no such sentences.
    pub filler: Vec<String>,
}

/// The words of one relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelationWords {
    /// Name of the relation; in a made-up language the verb of its sentences.
    pub name: String,
    /// Objects: the possible answers.
    pub objects: Vec<String>,
    /// Templates: sentences without their last word, with `{}` for the subject.
    pub templates: Vec<String>,
}

impl Words {
    /// Makes the words of a world, all different.
    pub(super) fn make(settings: &WorldSettings) -> Self {
        let mut speller = Speller { rng: Stream::Words.of(settings.seed), used: HashSet::new() };
        let mut several = |n: usize, ending: &str, capital: bool| -> Vec<String> {
            (0..n).map(|_| speller.word(ending, capital)).collect()
        };
        let first_names = several(settings.names, "", true);
        let last_names = several(settings.names, "n", true);
        let relations = (0..settings.relations)
            .map(|number| match settings.language {
                Language::MadeUp => {
                    let name = several(1, "res", false).swap_remove(0);
                    let objects = several(settings.objects, "", false);
                    let adverbs = several(settings.templates, "ly", false);
                    let templates = adverbs.iter().map(|adverb| format!("{adverb} {SUBJECT} {name}")).collect();
                    RelationWords { name, objects, templates }
                }
                Language::English => {
                    let EnglishRelation { name, ending, is_name, templates } = &RELATIONS[number];
                    RelationWords {
                        name: (*name).to_owned(),
                        objects: several(settings.objects, ending, *is_name),
                        templates: templates[..settings.templates].iter().map(|t| (*t).to_owned()).collect(),
                    }
                }
            })
            .collect();
        let filler = several(if settings.filler > 0 { FILLER_WORDS } else { 0 }, "m", false);
        Self { first_names, last_names, relations, generics: GENERICS.map(str::to_owned).to_vec(), filler }
    }

    /// Every word once, in a fixed order: generics, relations, names, filler.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let relations = self.relations.iter().flat_map(|relation| {
            let of_templates = relation.templates.iter().flat_map(|template| template.split(' '));
            let objects = relation.objects.iter().map(String::as_str);
            std::iter::once(relation.name.as_str()).chain(of_templates.filter(|word| *word != SUBJECT)).chain(objects)
        });
        let generics = self.generics.iter().map(String::as_str);
        let others = self.first_names.iter().chain(&self.last_names).chain(&self.filler).map(String::as_str);
        let mut seen = HashSet::new();
        generics.chain(relations).chain(others).filter(move |word| seen.insert(*word))
    }
}

/// Makes words of two syllables or, where those are used up, of more.
struct Speller {
    rng: ChaCha8Rng,
    used: HashSet<String>,
}

impl Speller {
    /// A new word with this ending, capitalised if it is a name.
    fn word(&mut self, ending: &str, capital: bool) -> String {
        let mut syllables = 2;
        loop {
            // 16 tries find a free one of 6400 words as long as most are free.
            for _ in 0..16 {
                let mut word = String::new();
                for _ in 0..syllables {
                    word.push(char::from(CONSONANTS[self.rng.random_range(0..CONSONANTS.len())]));
                    word.push(char::from(VOWELS[self.rng.random_range(0..VOWELS.len())]));
                }
                word.push_str(ending);
                if self.used.insert(word.clone()) {
                    return if capital { word[..1].to_uppercase() + &word[1..] } else { word };
                }
            }
            syllables += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_differ_even_regardless_of_case() {
        for settings in [
            WorldSettings::default(),
            WorldSettings { filler: 1, ..WorldSettings::default() },
            WorldSettings { language: Language::English, relations: 6, ..WorldSettings::default() },
            WorldSettings { names: 1_000, relations: 20, objects: 1_000, ..WorldSettings::default() },
        ] {
            let words = Words::make(&settings);
            if settings.language == Language::English {
                let all: Vec<&str> = words.all().collect();
                assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
                continue;
            }
            let all: Vec<String> = words.all().map(str::to_lowercase).collect();
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
            let of_relations = settings.relations * (1 + settings.objects + settings.templates);
            assert_eq!(all.len(), 3 + 2 * settings.names + of_relations + words.filler.len());
            assert_eq!(words.filler.is_empty(), settings.filler == 0);
        }
    }

    #[test]
    fn the_seed_decides() {
        let words = |seed| Words::make(&WorldSettings { seed, ..WorldSettings::default() });
        assert_eq!(words(3), words(3));
        assert_ne!(words(3), words(4));
    }
}
