//! Every parser of files and texts that a stranger may have written, under fuzzing. `just fuzz` runs these tests for long.

#[path = "parsers/support.rs"]
mod support;

#[path = "parsers/adapters.rs"]
mod adapters;
#[path = "parsers/checkpoints.rs"]
mod checkpoints;
#[path = "parsers/corpora.rs"]
mod corpora;
#[path = "parsers/edits.rs"]
mod edits;
#[path = "parsers/models.rs"]
mod models;
#[path = "parsers/stores.rs"]
mod stores;
#[path = "parsers/tasks.rs"]
mod tasks;
#[path = "parsers/templates.rs"]
mod templates;
#[path = "parsers/tokenizers.rs"]
mod tokenizers;
