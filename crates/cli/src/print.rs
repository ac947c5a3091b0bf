//! Texts of results: what commands print to stdout without `--json`.

mod adapter;
mod evaluation;
mod model;
mod questions;
mod quickstart;
mod task_form;
mod written;

pub(crate) use adapter::adapter;
pub(crate) use evaluation::evaluation;
pub(crate) use model::{Needs, model, model_json};
pub(crate) use questions::{items, json as items_json, reading};
pub(crate) use quickstart::{next_commands, quickstart};
pub(crate) use task_form::Form;
pub(crate) use written::{size, written};
