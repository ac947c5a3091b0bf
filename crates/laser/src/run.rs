//! Runs: builds the results of an evaluation or a search, writes them to a run folder, and reads them back.
//!
//! 1. [`samples`] joins each scored item with its outcome to a [`SampleRecord`](crate::results::SampleRecord).
//! 2. [`scores`] and [`task_scores`] summarise the samples by split, [`constant_answers`] scores always giving the same
//!    answer, and [`search_results`] puts all of this together for a search.
//! 3. [`RunFolder`] knows the names of the files in a run folder; it writes and reads them. [`picture_of_play`] draws two
//!    samples of a level.

mod files;
mod flipped_items;
mod folder;
mod lock;
mod samples;
mod scores;
mod search_results;
mod task_changes;
mod trial_table;

pub use flipped_items::picture_of_play;
pub use folder::RunFolder;
pub use samples::{samples, samples_with_answers};
pub use scores::{constant_answers, scores, task_scores};
pub use search_results::search_results;
pub use trial_table::trial_rows;
