//! Tests of Sokoban, in one binary: each binary would be linked with everything once more.

mod levels;
mod search;
