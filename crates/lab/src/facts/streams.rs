//! One stream of random numbers for each purpose, so that worlds that differ in one setting agree in everything that it
//! does not concern: the same facts with and without noise, for instance.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Purpose of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    /// Spelling of the words.
    Words = 0,
    /// Subjects, relations, objects and held-out templates.
    Facts = 1,
    /// Which fact has which count.
    Ranks = 2,
    /// Template of each mention.
    Templates = 3,
    /// Noise of each mention.
    Noise = 4,
    /// Order of the corpus.
    Order = 5,
    /// Sentences without facts.
    Filler = 6,
}

impl Stream {
    /// The stream of a seed.
    pub(super) fn of(self, seed: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(self as u64);
        rng
    }
}
