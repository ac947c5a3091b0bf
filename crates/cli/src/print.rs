//! Texts of results: what commands print to stdout without `--json`.

mod evaluation;
mod quickstart;
mod written;

pub(crate) use evaluation::evaluation;
pub(crate) use quickstart::quickstart;
pub(crate) use written::written;
