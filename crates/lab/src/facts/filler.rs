//! Sentences without facts: ordinary text, of which an edit may cost something.

use rand::Rng;

use super::mention::{Mention, MentionKind};
use super::settings::WorldSettings;
use super::streams::Stream;
use super::words::Words;

/// Number of words of a sentence, as many as a mention has.
const LENGTH: usize = 5;
/// Number of words that may follow a word.
const FOLLOWERS: usize = 4;

/// Draws the sentences from a Markov chain: each word is followed by one of four, each half as likely as the one before.
pub(super) fn draw_filler(settings: &WorldSettings, words: &Words) -> Vec<Mention> {
    if settings.filler == 0 {
        return Vec::new();
    }
    let mut rng = Stream::Filler.of(settings.seed);
    let n = words.filler.len();
    let followers: Vec<[usize; FOLLOWERS]> = (0..n).map(|_| std::array::from_fn(|_| rng.random_range(0..n))).collect();
    let mut sentence = || {
        let mut word = rng.random_range(0..n);
        let mut text = words.filler[word].clone();
        for _ in 1..LENGTH {
            let place = (0..FOLLOWERS - 1).find(|_| rng.random_bool(0.5)).unwrap_or(FOLLOWERS - 1);
            word = followers[word][place];
            text.push(' ');
            text.push_str(&words.filler[word]);
        }
        Mention { text, fact: None, kind: MentionKind::Filler, template: None }
    };
    (0..settings.filler).map(|_| sentence()).collect()
}
