//! Counts of whole corpora, beside exact expectations.

mod faults;
mod formats;
mod made_corpus;
mod order;
mod resume;
mod rules;
