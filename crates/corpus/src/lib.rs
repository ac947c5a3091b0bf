//! x
#![forbid(unsafe_code)]
#![allow(dead_code)]
mod canonical;
mod characters;
mod document_mentions;
mod error;
mod item;
mod lexicon;
mod matcher;
mod mention;
mod pattern;
mod rules;
mod substring_matcher;
mod word_hash;
mod word_index;
mod word_matcher;
pub use error::{Error, Result};
pub use item::{Item, ItemFrequency};
pub use matcher::{MatchBuffers, Matcher};
pub use mention::Mention;
pub use rules::{Bounds, Case, Duplicates, Rules, Window};
