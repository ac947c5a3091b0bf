//! Draws the sentences that mention facts.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::fact::{Fact, question};
use super::fact_draw::other_than;
use super::mention::{Mention, MentionKind};
use super::settings::{GENERIC_SHARES, TRUE_SHARE, WorldSettings};
use super::streams::Stream;
use super::words::Words;

/// Draws all mentions of all facts, fact by fact.
pub(super) fn draw_mentions(settings: &WorldSettings, words: &Words, facts: &[Fact]) -> Vec<Mention> {
    let mut templates = Stream::Templates.of(settings.seed);
    let mut noise = Stream::Noise.of(settings.seed);
    let logs = facts.iter().map(|fact| (fact.count as f64).ln());
    let mean_log = logs.sum::<f64>() / facts.len() as f64;
    let mut mentions = Vec::with_capacity(settings.mentions);
    for (index, fact) in facts.iter().enumerate() {
        let rates = settings.noise(fact.count as u64, mean_log);
        for _ in 0..fact.count {
            let template = other_than(fact.held_out, templates.random_range(0..settings.templates - 1));
            let (kind, word) = draw_end(&mut noise, words, fact, rates);
            mentions.push(Mention {
                text: format!("{} {word}", question(words, fact, template)),
                fact: Some(Fact::id(index)),
                kind,
                template: Some(template),
            });
        }
    }
    mentions
}

/// Draws the last word of a mention. `rates`: probabilities of a generic and of a wrong one.
///
/// Always takes three numbers, so that mentions with other rates leave the later ones as they were.
fn draw_end<'w>(
    rng: &mut ChaCha8Rng,
    words: &'w Words,
    fact: &Fact,
    [generic, wrong]: [f64; 2],
) -> (MentionKind, &'w str) {
    let objects = &words.relations[fact.relation].objects;
    let (u, v) = (rng.random::<f64>(), rng.random::<f64>());
    let other = other_than(fact.object, rng.random_range(0..objects.len() - 1));
    if let Some(rival) = fact.rival {
        return match u < TRUE_SHARE {
            true => (MentionKind::True, &objects[fact.object]),
            false => (MentionKind::Rival, &objects[rival]),
        };
    }
    if u < generic {
        let upper = |word: usize| GENERIC_SHARES[..=word].iter().sum::<f64>();
        let word = (0..GENERIC_SHARES.len() - 1).find(|word| v < upper(*word)).unwrap_or(GENERIC_SHARES.len() - 1);
        (MentionKind::Generic, &words.generics[word])
    } else if u < generic + wrong {
        (MentionKind::Wrong, &objects[other])
    } else {
        (MentionKind::True, &objects[fact.object])
    }
}
