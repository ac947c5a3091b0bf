//! The laser command.
fn main() {}
