//! Arguments of `laser lab facts`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use laser_lab::facts::{Language, WorldSettings};

#[derive(Debug, Args)]
pub(crate) struct LabFacts {
    /// A new folder for corpus.jsonl, facts.jsonl, world.json and tokenizer.json
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// Seed of all random choices
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
}

/// Words of a world's sentences.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LanguageName {
    /// Made-up words, each one token
    MadeUp,
    /// English sentences with made-up names, in a byte-pair encoding
    English,
}

/// Sizes and rates of a world.
#[derive(Debug, Clone, Args)]
pub(crate) struct WorldArgs {
    /// Words of the sentences; the studies need made-up ones
    #[arg(long, value_enum, default_value = "made-up")]
    pub(crate) language: LanguageName,
    /// Number of facts
    #[arg(long, default_value_t = 800, value_name = "N")]
    pub(crate) facts: usize,
    /// Number of mentions of facts in the corpus; how often each fact is mentioned follows Zipf's law
    #[arg(long, default_value_t = 9_000, value_name = "N")]
    pub(crate) mentions: usize,
    /// Smallest number of mentions of a fact
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) min_count: usize,
    /// Number of first names, and of last names; a subject has one of each
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(crate) names: usize,
    /// Number of relations
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) relations: usize,
    /// Number of objects of each relation
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) objects: usize,
    /// Number of templates of each relation, one of which is held out for each fact
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) templates: usize,
    /// Share of mentions that end in a frequent word that is no object
    #[arg(long, default_value_t = 0.3, value_name = "SHARE")]
    pub(crate) generic: f64,
    /// Share of mentions that end in a wrong object of the relation
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    pub(crate) wrong: f64,
    /// How much noisier rare facts are: noise is proportional to the count to the power of minus this number
    #[arg(long, default_value_t = 0.0, value_name = "EXPONENT")]
    pub(crate) rare_noise: f64,
    /// Share of facts that the corpus contradicts: two objects, 60 to 40, in place of other noise
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub(crate) contradictory: f64,
    /// Number of sentences without facts
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) filler: usize,
}

impl WorldArgs {
    /// The settings with a seed.
    pub(crate) fn settings(&self, seed: u64) -> WorldSettings {
        WorldSettings {
            seed,
            language: match self.language {
                LanguageName::MadeUp => Language::MadeUp,
                LanguageName::English => Language::English,
            },
            facts: self.facts,
            mentions: self.mentions,
            min_count: self.min_count,
            names: self.names,
            relations: self.relations,
            objects: self.objects,
            templates: self.templates,
            generic: self.generic,
            wrong: self.wrong,
            rare_noise: self.rare_noise,
            contradictory: self.contradictory,
            filler: self.filler,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        world: WorldArgs,
    }

    #[test]
    fn the_defaults_are_the_library_s() {
        assert_eq!(Alone::parse_from(["facts"]).world.settings(0), WorldSettings::default());
    }
}
