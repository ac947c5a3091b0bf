//! Source of a built-in task's records. A file of its own, because both the task's description and the code that reads
//! records need it.

use std::path::Path;

/// Source of a built-in task's records.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DataSource<'a> {
    /// Compiled into the program.
    Embedded,
    /// A file, or a folder with the published files.
    Path(&'a Path),
    /// The task's example: one record, as JSON.
    Example(&'a str),
}
