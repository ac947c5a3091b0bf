//! Results: the contents of `results.json` and `samples.jsonl`, and the verdict on a search.
//!
//! Takes what `evaluate` and `search` measured, summarised with the crate `statistics`; `report` and other tools read
//! it. `run` fills these structures in.
//!
//! - Of a search: [`Results`], with one [`TaskChange`] for each task; [`verdict`] sums it up in one sentence.
//! - Of an evaluation: [`EvalResults`], written under lm-evaluation-harness' keys by [`harness`].
//! - Of both: one [`SampleRecord`] for each item, [`SplitScores`], and the [`Manifest`], which says how to repeat the run.
//!
//! Other tools read the key names (`base.test.acc`, `best.edit`, `test.ci95`, …): keys may be added but not renamed.
//! Accuracies, differences and rates are fractions (0 to 1), not percentages; losses and log-probabilities are in nats.

pub mod harness;

mod eval_results;
mod held_out;
mod labels;
mod manifest;
mod matrix_change;
pub mod number_format;
pub(crate) mod price_text;
mod sample;
mod search_results;
pub(crate) mod setting_text;
mod split_summary;
mod task_change;
mod verdict;
mod verdict_rules;

pub use eval_results::{EvalResults, TaskScores};
pub use held_out::HeldOut;
pub(crate) use labels::{constant_answer_scores, labels};
pub use manifest::{Host, Manifest, ModelIdentity, TaskIdentity};
pub use matrix_change::MatrixChange;
pub use price_text::price_lines;
pub use sample::SampleRecord;
pub use search_results::{Baselines, BestEdit, FinalistSummary, NO_EDIT, Results, SearchSpace, SearchSummary};
pub use split_summary::{Accuracy, SplitScores, SplitSummary};
pub use task_change::{Change, GuardKept, TaskChange};
pub use verdict::Verdict;
pub(crate) use verdict_rules::ALPHA;
pub use verdict_rules::{verdict, verdict_sentence};

#[cfg(test)]
pub(crate) mod tests;
