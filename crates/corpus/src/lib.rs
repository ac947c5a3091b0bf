//! Counts of the documents of a corpus that mention a subject, an answer, or both.
//!
//! 1. [`Item`] names a subject and an answer, with other names of each; [`Rules`] say which stretch of text is a mention
//!    and which mentions are together.
//! 2. A [`DocumentSource`] is one shard of the corpus: a [`FileShard`], or a source of the caller for a form that this
//!    crate does not read.
//! 3. [`count()`] reads the shards side by side, finds all mentions ([`Matcher`]) and gives an [`ItemFrequency`] for each
//!    item and a [`ShardSummary`] with the faults of each shard. A journal lets it go on after a stop.
//!
//! ```
//! use laser_corpus::{CountSettings, FileShard, Item, Reading, Unobserved, count};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("corpus.jsonl");
//! std::fs::write(&path, "{\"text\":\"Paris is in France.\"}\n{\"text\":\"Air France\"}\n")?;
//! let shard = FileShard::new(&path, Reading::default())?;
//! let item = Item { id: "1".into(), subject: "Paris".into(), answer: " France".into(), ..Item::default() };
//! let counted = count(&[Box::new(shard)], &[item], &CountSettings::default(), &Unobserved)?;
//! let france = &counted.items[0];
//! assert_eq!([france.documents, france.subject_documents, france.answer_documents], [1, 1, 2]);
//! assert_eq!(france.nearest_words, Some(3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod canonical;
mod characters;
mod count;
mod document_mentions;
mod duplicates;
mod error;
mod fault;
mod file_shard;
mod formats;
mod hash_filter;
mod item;
mod journal;
mod lexicon;
mod matcher;
mod mention;
mod observer;
mod pattern;
mod reading;
mod rules;
mod shard_counter;
mod shard_counts;
mod source;
mod substring_matcher;
mod word_hash;
mod word_index;
mod word_matcher;
mod words;

pub use count::{CountSettings, Counted, count};
pub use error::{Error, Result};
pub use fault::Fault;
pub use file_shard::FileShard;
pub use item::{Item, ItemFrequency};
pub use matcher::{MatchBuffers, Matcher};
pub use mention::Mention;
pub use observer::{CountObserver, Progress, Unobserved};
pub use reading::{DOCUMENT_LIMIT, Reading, Split};
pub use rules::{Bounds, Case, Duplicates, Rules, Window};
pub use shard_counts::{MOST_FAULTS, ShardSummary};
pub use source::{DocumentSink, DocumentSource};
