//! Results and samples as lm-evaluation-harness ("the harness") writes them, so that its tools can read them. Reads of
//! [`laser_task::harness`] what a task file defines; gives JSON that `run` writes to files.
//!
//! 1. `document` joins the outcomes of items into documents, the harness's unit of counting.
//! 2. `sample` makes a line of `samples_TASK.jsonl` of each document, with the value of each metric (`metric_value`).
//! 3. `output` aggregates the values of all documents, with standard errors (`stderr`), into `results.json`.

mod document;
mod metric_value;
mod output;
mod sample;
mod sample_files;
mod stderr;

pub use output::Output;
pub use sample_files::sample_files;
