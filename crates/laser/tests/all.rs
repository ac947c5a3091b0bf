//! Tests of the library, in one binary: each binary would be linked with everything once more.

#![allow(clippy::print_stderr)] // skipped tests are reported

mod adapter;
mod chat;
mod docs;
mod export;
mod harness;
mod imports;
mod masked;
mod parity;
mod parity_gemma3;
mod parity_smollm2;
mod search;
mod sokoban;
mod support;
mod tasks;
mod texts;
mod trajectory;
