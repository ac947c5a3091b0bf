//! Tasks of EleutherAI's lm-evaluation-harness ("the harness"): its task files in. `laser::results::harness` writes its
//! results.
//!
//! A strict subset of the YAML of version 0.4.13 becomes a [`Task`](crate::Task) whose contexts, few-shot examples and
//! targets are the harness's own, byte for byte. A key that is not supported is an error that names it. The path of a
//! file:
//!
//! 1. `find` looks for the file of a task name; `yaml` reads it and its `include`s into JSON values.
//! 2. `config` checks every key (with `keys`, `metric_list` and `filter_list`).
//! 3. `split_files` finds the data files of a split, `split_rows` reads their rows, `csv_columns` types CSV cells.
//! 4. `row_renderer` makes the question, target and choices of a row (with `template`, Jinja2).
//! 5. `fewshot` draws examples for each question, `items` puts the parts together, `open` builds the task.
//!
//! Steps that the harness does in Python, such as drawing examples or matching regular expressions, give Python's
//! results: [`python`], [`PythonRandom`] and `python_regex`.
//!
//! The results need little of all this: [`Definition`] with its [`Metric`]s and [`OutputType`], [`python`]'s way to
//! write values, [`PythonRandom`], and [`MAX_GEN_TOKS`].

mod config;
pub(crate) mod csv_columns;
pub(crate) mod definition;
mod fewshot;
mod filter_list;
mod find;
mod items;
mod keys;
mod metric;
mod metric_list;
mod open;
mod output_type;
pub mod python;
mod python_random;
pub(crate) mod python_regex;
mod row_renderer;
mod split_files;
mod split_rows;
pub(crate) mod template;
mod yaml;

pub use config::generation::MAX_GEN_TOKS;
pub use definition::Definition;
pub(crate) use find::{find, is_yaml};
pub use metric::{Metric, MetricKind};
pub(crate) use open::open;
pub use output_type::OutputType;
pub use python_random::PythonRandom;

#[cfg(test)]
mod tests;
