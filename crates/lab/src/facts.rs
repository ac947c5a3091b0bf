//! The fact world: takes settings and a seed, gives a corpus of made-up facts with exact counts and labelled noise, and
//! the same facts as a task.
//!
//! A fact is a subject (two names), a relation and an object. The corpus mentions each fact a number of times that
//! follows Zipf's law ([`zipf_counts`]), in one of several templates. Some mentions are noise: they end in a frequent word
//! that is no object at all, or in a wrong object of the right type; each mention says what it is ([`MentionKind`]). One
//! template of each fact never occurs in the corpus, and the task asks in that one, so that a right answer is not a
//! memorised sentence. Sentences are of made-up words ([`Language::MadeUp`]), each one token, as the studies need; or English
//! with made-up names, in a byte-pair encoding, as real models read them.
//!
//! The data flow: [`WorldSettings`] are checked; [`Words`] makes the vocabulary; [`World::generate`] draws facts and
//! mentions; [`World::write`] writes the folder that a trainer and `laser search` read.

mod counts;
mod english;
mod fact;
mod fact_draw;
mod files;
mod filler;
mod mention;
mod mention_draw;
mod settings;
mod streams;
mod tokenizer;
mod words;
mod world;

pub use counts::zipf_counts;
pub use fact::Fact;
pub use files::{CORPUS, FACTS, WORLD};
pub use mention::{Mention, MentionKind};
pub use settings::{Language, WorldSettings};
pub use words::{RelationWords, Words};
pub use world::World;
