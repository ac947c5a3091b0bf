//! Fuzzing of the parsers: takes sound files as seeds, damages them, and checks that what reads them neither panics nor
//! hangs nor takes memory out of proportion to the input.
//!
//! [`damage`] makes inputs, [`memory`] counts bytes, [`engine`] runs a few inputs with a fixed seed, and [`target`] joins
//! them: `cargo test` runs each target briefly, `just fuzz` for long. The targets themselves are the tests of this crate.

#![deny(unsafe_code)]

pub mod damage;
pub mod engine;
pub mod memory;
pub mod target;
