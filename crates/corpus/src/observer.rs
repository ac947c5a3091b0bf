//! Observer of a count: receives its progress, and can stop it.

/// Progress of a count. Shards that a journal knows are part of it from the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Shards that are finished.
    pub shards: usize,
    /// All shards.
    pub total_shards: usize,
    /// Stored size of the finished shards, bytes.
    pub stored_bytes: u64,
    /// Stored size of all shards, bytes.
    pub total_stored_bytes: u64,
    /// Documents read so far.
    pub documents: u64,
    /// Text of those documents, bytes.
    pub text_bytes: u64,
}

/// Receiver of the progress of a count. Called from several threads.
pub trait CountObserver: Sync {
    /// Called after each shard and after some MiB of text. Does nothing by default.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }

    /// Returns true to stop the count, which then ends with [`Error::Interrupted`](crate::Error::Interrupted); asked before each
    /// document. `false` by default.
    fn stopped(&self) -> bool {
        false
    }
}

/// An observer that ignores progress and never stops a count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl CountObserver for Unobserved {}
