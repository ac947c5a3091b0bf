//! The first cache folder that can be written to.

use crate::error::{ErrorKind, SourceError};

/// Calls `write` with one cache after the other until it does not fail to write; `notes` name those where it does.
///
/// # Errors
/// That of the last cache, or one that has nothing to do with the cache.
///
/// # Panics
/// If there is no cache.
pub(crate) fn first_writable<'c, C, T>(
    caches: &'c [C],
    notes: &mut Vec<String>,
    write: impl Fn(&'c C) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let (last, others) = caches.split_last().expect("there is at least one cache");
    for cache in others {
        match write(cache) {
            Err(error) if error.kind() == ErrorKind::Io => {
                notes.push(format!("the cache cannot be written to, so that another folder is used: {error}"));
            }
            done => return done,
        }
    }
    write(last)
}
