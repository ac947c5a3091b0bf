//! Settings of a fact world, and the checks of them.

use laser::{Error, Result};
use serde::{Deserialize, Serialize};

use super::english::{RELATIONS as ENGLISH_RELATIONS, TEMPLATES as ENGLISH_TEMPLATES};

/// Share of each generic answer among all generic mentions: frequent words are not equally frequent.
pub(super) const GENERIC_SHARES: [f64; 3] = [0.6, 0.25, 0.15];
/// Share of the true object among the mentions of a contradictory fact; the rest names its rival.
pub(super) const TRUE_SHARE: f64 = 0.6;
/// Largest share of noise that [`WorldSettings::rare_noise`] can lead to: the true object stays the most frequent one.
pub(super) const MAX_NOISE: f64 = 0.6;

/// Words that a world's sentences are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Made-up words, each one token: *Gotly Boda Kimun mares lapi*.
    #[default]
    MadeUp,
    /// English sentences with made-up names, in the tokens of a byte-pair encoding: *Boda Kimun was born in Lapiton*.
    English,
}

/// Settings of a fact world. The same settings give the same world, byte by byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSettings {
    /// Seed of all random choices.
    pub seed: u64,
    /// Words of the sentences.
    pub language: Language,
    /// Number of facts.
    pub facts: usize,
    /// Number of mentions of facts in the corpus.
    pub mentions: usize,
    /// Smallest number of mentions of a fact.
    pub min_count: usize,
    /// Number of first names, and of last names; a subject is one of each.
    pub names: usize,
    /// Number of relations.
    pub relations: usize,
    /// Number of objects of each relation.
    pub objects: usize,
    /// Number of templates of each relation.
    pub templates: usize,
    /// Probability that a mention ends in a generic answer, 0..=1.
    pub generic: f64,
    /// Probability that a mention ends in a wrong object of the relation, 0..=1.
    pub wrong: f64,
    /// How much noisier rare facts are: the noise of a fact with count c is multiplied by (c/c̄)^−`rare_noise`, where c̄ is
    /// the geometric mean of all counts. 0: all facts are equally noisy.
    pub rare_noise: f64,
    /// Share of facts that the corpus contradicts: two objects, 60 to 40, in place of all other noise.
    pub contradictory: f64,
    /// Number of sentences without facts, from a random grammar, between the mentions.
    pub filler: usize,
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            language: Language::MadeUp,
            facts: 800,
            mentions: 9_000,
            min_count: 2,
            names: 64,
            relations: 4,
            objects: 20,
            templates: 4,
            generic: 0.3,
            wrong: 0.2,
            rare_noise: 0.0,
            contradictory: 0.0,
            filler: 0,
        }
    }
}

impl WorldSettings {
    /// Checks every setting, also against the others.
    ///
    /// # Errors
    /// The first setting that cannot be used, with the possible values.
    pub fn check(&self) -> Result<()> {
        let (most_relations, most_templates) = match self.language {
            Language::MadeUp => (100, 20),
            Language::English => (ENGLISH_RELATIONS.len(), ENGLISH_TEMPLATES),
        };
        let ranges = [
            ("names", self.names, 1, 1_000),
            ("facts", self.facts, 1, self.names.saturating_mul(self.names)),
            ("relations", self.relations, 1, most_relations),
            ("objects", self.objects, 2, 1_000),
            ("templates", self.templates, 2, most_templates),
            ("min-count", self.min_count, 1, 1_000_000),
            ("mentions", self.mentions, self.facts.saturating_mul(self.min_count), 10_000_000),
            ("filler", self.filler, 0, 10_000_000),
        ];
        for (name, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(Error::setting(
                    name,
                    format!("expected {low} to {high}, found {value}{}", self.hint(name)),
                ));
            }
        }
        let fractions = [("generic", self.generic), ("wrong", self.wrong), ("contradictory", self.contradictory)];
        for (name, value) in fractions {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::setting(name, format!("expected a share from 0 to 1, found {value}")));
            }
        }
        if !(0.0..=4.0).contains(&self.rare_noise) {
            return Err(Error::setting("rare-noise", format!("expected 0 to 4, found {}", self.rare_noise)));
        }
        let (truth, rival) = (1.0 - self.generic - self.wrong, self.wrong.max(GENERIC_SHARES[0] * self.generic));
        if truth <= rival {
            let problem = format!(
                "with generic {} and wrong {} the true object would not be the most frequent answer: expected less noise",
                self.generic, self.wrong
            );
            return Err(Error::setting("wrong", problem));
        }
        Ok(())
    }

    /// Why a range is as it is.
    fn hint(&self, name: &str) -> String {
        match name {
            "facts" => format!(" ({} first and {} last names make no more subjects)", self.names, self.names),
            "mentions" => format!(" ({} facts, each at least {} times)", self.facts, self.min_count),
            "templates" => " (one of each fact is held out from training)".to_owned(),
            _ => String::new(),
        }
    }

    /// Probabilities of a generic and of a wrong mention of a fact with this count. `mean_log`: mean logarithm of all counts.
    pub(super) fn noise(&self, count: u64, mean_log: f64) -> [f64; 2] {
        let total = self.generic + self.wrong;
        if self.rare_noise == 0.0 || total == 0.0 {
            return [self.generic, self.wrong];
        }
        let factor = (-self.rare_noise * ((count as f64).ln() - mean_log)).exp();
        let factor = factor.min(MAX_NOISE.max(total) / total);
        [factor * self.generic, factor * self.wrong]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_cannot_be_used_is_named() {
        let good = WorldSettings::default();
        good.check().expect("the defaults are sound");
        let change = |change: fn(&mut WorldSettings)| {
            let mut settings = good.clone();
            change(&mut settings);
            settings.check().expect_err("cannot be used").to_string()
        };
        for (message, expected) in [
            (change(|s| s.facts = 4_097), "facts: expected 1 to 4096, found 4097"),
            (change(|s| s.mentions = 1_599), "mentions: expected 1600 to 10000000, found 1599 (800 facts"),
            (change(|s| s.templates = 1), "templates: expected 2 to 20"),
            (change(|s| (s.language, s.templates) = (Language::English, 7)), "templates: expected 2 to 6"),
            (change(|s| (s.language, s.relations) = (Language::English, 7)), "relations: expected 1 to 6"),
            (change(|s| s.generic = f64::NAN), "generic: expected a share"),
            (change(|s| s.generic = 0.5), "wrong: with generic 0.5 and wrong 0.2"),
            (change(|s| s.wrong = 0.4), "wrong: with generic 0.3 and wrong 0.4"),
            (change(|s| s.rare_noise = -1.0), "rare-noise: expected 0 to 4"),
            (change(|s| s.names = usize::MAX), "names: expected 1 to 1000"),
        ] {
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn noise_depends_on_frequency_only_if_asked() {
        let same = WorldSettings::default();
        assert_eq!(same.noise(2, 1.5), [0.3, 0.2]);
        let skewed = WorldSettings { rare_noise: 0.5, ..same };
        let [rare, middle, frequent] = [2, 8, 512].map(|count| skewed.noise(count, 8f64.ln()));
        assert!((middle[0] - 0.3).abs() < 1e-12 && (middle[1] - 0.2).abs() < 1e-12);
        // (512/8)^−½ = 1/8
        assert!((frequent[0] - 0.3 / 8.0).abs() < 1e-12, "{frequent:?}");
        // (2/8)^−½ = 2 would be noise alone: the largest share counts.
        assert!((rare[0] + rare[1] - MAX_NOISE).abs() < 1e-12, "{rare:?}");
    }
}
