//! A whole world: words, facts and mentions.

use std::collections::HashMap;

use laser::Result;
use rand::seq::SliceRandom;

use super::fact::{Fact, question, subject};
use super::fact_draw::draw_facts;
use super::filler::draw_filler;
use super::mention::{Mention, MentionKind};
use super::mention_draw::draw_mentions;
use super::settings::WorldSettings;
use super::streams::Stream;
use super::words::Words;

/// A world of facts and the corpus that mentions them.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Sizes, rates and seed of its making.
    pub settings: WorldSettings,
    /// Its vocabulary.
    pub words: Words,
    /// Its facts, in random order.
    pub facts: Vec<Fact>,
    /// Its corpus, in random order.
    pub mentions: Vec<Mention>,
}

impl World {
    /// Makes the world of some settings.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn generate(settings: &WorldSettings) -> Result<Self> {
        settings.check()?;
        let words = Words::make(settings);
        let mut facts = draw_facts(settings);
        let mut mentions = draw_mentions(settings, &words, &facts);
        mentions.extend(draw_filler(settings, &words));
        mentions.shuffle(&mut Stream::Order.of(settings.seed));
        let mut true_counts: HashMap<String, usize> = HashMap::new();
        for id in mentions.iter().filter(|m| m.kind == MentionKind::True).filter_map(|m| m.fact.as_ref()) {
            *true_counts.entry(id.clone()).or_default() += 1;
        }
        for (index, fact) in facts.iter_mut().enumerate() {
            fact.true_count = true_counts.get(&Fact::id(index)).copied().unwrap_or(0);
        }
        Ok(Self { settings: settings.clone(), words, facts, mentions })
    }

    /// First and last name of a fact's subject.
    pub fn subject(&self, fact: &Fact) -> String {
        subject(&self.words, fact)
    }

    /// The question of the task, in the template that is held out.
    pub fn question(&self, fact: &Fact) -> String {
        question(&self.words, fact, fact.held_out)
    }

    /// The gold answer.
    pub fn answer(&self, fact: &Fact) -> &str {
        &self.words.relations[fact.relation].objects[fact.object]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(change: impl FnOnce(&mut WorldSettings)) -> World {
        let mut settings = WorldSettings { seed: 5, ..WorldSettings::default() };
        change(&mut settings);
        World::generate(&settings).expect("sound settings")
    }

    /// Number of mentions of each fact that satisfy a condition, `[facts]`.
    fn counted(world: &World, condition: impl Fn(&Mention) -> bool) -> Vec<usize> {
        let mut counts = vec![0; world.facts.len()];
        for mention in world.mentions.iter().filter(|m| condition(m)) {
            let id = mention.fact.as_ref().expect("a fact");
            counts[id[1..].parse::<usize>().expect("a number")] += 1;
        }
        counts
    }

    #[test]
    fn counts_of_the_corpus_are_those_of_the_facts() {
        let world = world(|_| {});
        assert_eq!(world.mentions.len(), 9_000);
        let [count, true_count]: [Vec<usize>; 2] =
            [world.facts.iter().map(|f| f.count).collect(), world.facts.iter().map(|f| f.true_count).collect()];
        assert_eq!(counted(&world, |_| true), count);
        assert_eq!(counted(&world, |m| m.kind == MentionKind::True), true_count);
        let mut sorted: Vec<u64> = count.iter().map(|count| *count as u64).collect();
        sorted.sort_by(|a, b| b.cmp(a));
        assert_eq!(sorted, super::super::counts::zipf_counts(800, 9_000, 2));
    }

    #[test]
    fn mentions_say_what_they_are_and_never_use_the_held_out_template() {
        let world = world(|s| s.contradictory = 0.25);
        for mention in &world.mentions {
            let index: usize = mention.fact.as_ref().expect("a fact")[1..].parse().expect("a number");
            let fact = &world.facts[index];
            let template = mention.template.expect("a template");
            assert_ne!(template, fact.held_out);
            let begin = question(&world.words, fact, template);
            let (start, answer) = mention.text.rsplit_once(' ').expect("words");
            assert_eq!(start, begin);
            let objects = &world.words.relations[fact.relation].objects;
            let object = objects.iter().position(|object| object == answer);
            match mention.kind {
                MentionKind::True => assert_eq!(object, Some(fact.object)),
                MentionKind::Rival => assert_eq!((object, fact.rival.is_some()), (fact.rival, true)),
                MentionKind::Wrong => assert!(object.is_some_and(|object| object != fact.object)),
                MentionKind::Generic => assert!(world.words.generics.contains(&answer.to_owned())),
                MentionKind::Filler => panic!("no filler was asked for"),
            }
            assert!(fact.rival.is_none() || matches!(mention.kind, MentionKind::True | MentionKind::Rival));
        }
        assert_eq!(world.facts.iter().filter(|fact| fact.rival.is_some()).count(), 200);
    }

    #[test]
    fn noise_has_the_asked_rates() {
        let world = world(|s| s.mentions = 60_000);
        let share = |kind| world.mentions.iter().filter(|m| m.kind == kind).count() as f64 / 60_000.0;
        // 5 standard errors of a share of 60,000 independent mentions are 0.01.
        for (kind, rate) in [(MentionKind::Generic, 0.3), (MentionKind::Wrong, 0.2), (MentionKind::True, 0.5)] {
            assert!((share(kind) - rate).abs() < 0.01, "{kind:?}: {}", share(kind));
        }
        let ends = |word: &str| world.mentions.iter().filter(|m| m.text.ends_with(word)).count() as f64;
        assert!((ends(" the") / 60_000.0 - 0.18).abs() < 0.01);
    }

    #[test]
    fn rare_facts_are_noisier_where_asked() {
        let world = world(|s| (s.rare_noise, s.mentions) = (0.5, 60_000));
        let noise = counted(&world, |m| m.kind.is_noise());
        let rate = |frequent: bool| {
            let chosen = || world.facts.iter().zip(&noise).filter(move |(fact, _)| (fact.count >= 100) == frequent);
            chosen().map(|(_, noise)| *noise).sum::<usize>() as f64
                / chosen().map(|(f, _)| f.count).sum::<usize>() as f64
        };
        assert!(rate(false) > 0.45 && rate(true) < 0.3, "{} {}", rate(false), rate(true));
    }

    #[test]
    fn worlds_that_differ_in_noise_have_the_same_facts_and_templates() {
        let (noisy, clean) = (world(|_| {}), world(|s| (s.generic, s.wrong) = (0.0, 0.0)));
        assert_eq!(noisy.words, clean.words);
        for (a, b) in noisy.facts.iter().zip(&clean.facts) {
            assert_eq!(Fact { true_count: 0, ..a.clone() }, Fact { true_count: 0, ..b.clone() });
            assert_eq!(b.true_count, b.count);
        }
        let places = |world: &World| world.mentions.iter().map(|m| (m.fact.clone(), m.template)).collect::<Vec<_>>();
        assert_eq!(places(&noisy), places(&clean));
    }

    #[test]
    fn filler_has_no_fact_and_its_own_words() {
        let world = world(|s| s.filler = 500);
        let filler: Vec<&Mention> = world.mentions.iter().filter(|m| m.kind == MentionKind::Filler).collect();
        assert_eq!((filler.len(), world.mentions.len()), (500, 9_500));
        for mention in filler {
            assert_eq!((&mention.fact, mention.template), (&None, None));
            assert!(
                mention.text.split(' ').all(|word| world.words.filler.contains(&word.to_owned())),
                "{}",
                mention.text
            );
        }
    }
}
