//! The real binary, end to end, on a tiny model that each test makes for itself.

#[path = "support/bench.rs"]
mod bench;
#[path = "support/checkpoint.rs"]
mod checkpoint;
#[path = "support/hub_server.rs"]
mod hub_server;
#[path = "support/items.rs"]
mod items;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/upload_server.rs"]
mod upload_server;

#[path = "cli/adapters.rs"]
mod adapters;
#[path = "cli/apply.rs"]
mod apply;
#[path = "cli/ask.rs"]
mod ask;
#[path = "cli/cache.rs"]
mod cache;
#[path = "cli/chat.rs"]
mod chat;
#[path = "cli/classes.rs"]
mod classes;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/corpus.rs"]
mod corpus;
#[path = "cli/data.rs"]
mod data;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/eval.rs"]
mod eval;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/folder.rs"]
mod folder;
#[path = "cli/forms.rs"]
mod forms;
#[path = "cli/groups.rs"]
mod groups;
#[path = "cli/hub.rs"]
mod hub;
#[path = "cli/lab_facts.rs"]
mod lab_facts;
#[path = "cli/lab_study.rs"]
mod lab_study;
#[path = "cli/lab_train.rs"]
mod lab_train;
#[path = "cli/look.rs"]
mod look;
#[path = "cli/memory.rs"]
mod memory;
#[path = "cli/numbers.rs"]
mod numbers;
#[path = "cli/own_files.rs"]
mod own_files;
#[path = "cli/push.rs"]
mod push;
#[path = "cli/relate.rs"]
mod relate;
#[path = "cli/reproduce.rs"]
mod reproduce;
#[path = "cli/results_schema.rs"]
mod results_schema;
#[path = "cli/resume.rs"]
mod resume;
#[path = "cli/scores.rs"]
mod scores;
#[path = "cli/search.rs"]
mod search;
#[path = "cli/several.rs"]
mod several;
#[path = "cli/stranger_commands.rs"]
mod stranger_commands;
#[path = "cli/strangers.rs"]
mod strangers;
#[path = "cli/streams.rs"]
mod streams;
#[path = "cli/sweep.rs"]
mod sweep;
#[path = "cli/texts.rs"]
mod texts;
#[path = "cli/workers.rs"]
mod workers;
