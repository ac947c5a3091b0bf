//! Faults: damage inside a shard, which is reported while the rest is counted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Damage inside a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Line, byte or record in the shard; lines and records count from 1, bytes from 0.
    pub place: String,
    /// Expected and found.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

/// The start of text that was found where another was expected, short enough for a message.
pub(crate) fn excerpt(found: &[u8]) -> String {
    const LONGEST: usize = 40;
    let shown = String::from_utf8_lossy(&found[..found.len().min(LONGEST)]);
    if found.len() > LONGEST { format!("{shown:?}…") } else { format!("{shown:?}") }
}
