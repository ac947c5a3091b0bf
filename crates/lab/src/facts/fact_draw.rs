//! Draws the facts of a world.

use rand::Rng;
use rand::seq::{SliceRandom, index};

use super::counts::zipf_counts;
use super::fact::Fact;
use super::settings::WorldSettings;
use super::streams::Stream;

/// Draws facts about different subjects: every relation has as many as the others (up to one), every object is equally
/// likely, and how often a fact is mentioned depends on nothing else.
pub(super) fn draw_facts(settings: &WorldSettings) -> Vec<Fact> {
    let WorldSettings { seed, facts, names, relations, objects, templates, .. } = *settings;
    let mut counts = zipf_counts(facts, settings.mentions as u64, settings.min_count as u64);
    counts.shuffle(&mut Stream::Ranks.of(seed));
    let mut rng = Stream::Facts.of(seed);
    let subjects = index::sample(&mut rng, names * names, facts);
    let contradicted = (settings.contradictory * facts as f64).round() as usize;
    let mut drawn: Vec<Fact> = subjects
        .into_iter()
        .zip(counts)
        .enumerate()
        .map(|(number, (subject, count))| {
            let object = rng.random_range(0..objects);
            // Drawn for every fact, so that the share of contradictory ones moves nothing else.
            let rival = other_than(object, rng.random_range(0..objects - 1));
            Fact {
                subject: [subject / names, subject % names],
                relation: number % relations,
                object,
                rival: (number < contradicted).then_some(rival),
                held_out: rng.random_range(0..templates),
                count: count as usize,
                true_count: 0,
            }
        })
        .collect();
    drawn.shuffle(&mut rng);
    drawn
}

/// Element `place` of all numbers without `number`.
pub(super) fn other_than(number: usize, place: usize) -> usize {
    if place < number { place } else { place + 1 }
}
