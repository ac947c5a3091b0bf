//! Sokoban: levels, rules, exact solutions, and what a player sees.
#![forbid(unsafe_code)]
