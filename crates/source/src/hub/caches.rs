//! The cache folders of one repository in their order: files are looked for in each, and fetched into the first that can
//! be written to.

use std::path::PathBuf;

use super::cache::RepoCache;
use super::repo_kind::RepoKind;
use crate::error::{ErrorKind, SourceError};
use crate::first_writable::first_writable;
use crate::options::SourceOptions;

/// Folders of one repository; at least one.
pub(super) struct Caches(Vec<RepoCache>);

impl Caches {
    /// The folders of `repo` (`ORG/NAME`) in the caches that the options name; creates nothing.
    pub(super) fn new(options: &SourceOptions<'_>, kind: RepoKind, repo: &str) -> Self {
        Self(options.hub_caches().iter().map(|cache| RepoCache::new(cache, kind, repo)).collect())
    }

    /// Looks in one cache after the other, and returns the first that has all of it.
    ///
    /// # Errors
    /// That of the first cache if no cache has all of it.
    pub(super) fn find<T>(&self, look: impl Fn(&RepoCache) -> Result<T, SourceError>) -> Result<T, SourceError> {
        let mut first = None;
        for cache in &self.0 {
            match look(cache) {
                Ok(found) => return Ok(found),
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.expect("there is at least one cache"))
    }

    /// Writes to the first cache that can be written to; `notes` say which ones cannot.
    ///
    /// # Errors
    /// That of the last cache, or one that has nothing to do with the cache.
    pub(super) fn fill<T>(
        &self,
        notes: &mut Vec<String>,
        write: impl Fn(&RepoCache) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        first_writable(&self.0, notes, write)
    }

    /// The cached commit and path that `look` finds, in place of the answer that the Hub did not give; `notes` say so.
    ///
    /// # Errors
    /// `error`, the Hub's, if a cached copy may not stand in for it, or there is none.
    pub(super) fn stand_in(
        &self,
        error: SourceError,
        name: &str,
        notes: &mut Vec<String>,
        look: impl Fn(&RepoCache) -> Result<(String, PathBuf), SourceError>,
    ) -> Result<(String, PathBuf), SourceError> {
        let cached = self.find(look).ok().filter(|_| may_use_cache(&error));
        let Some((commit, path)) = cached else { return Err(error) };
        notes.push(format!(
            "the Hub did not answer, so that {name} is taken from the cache, at commit {commit}: {error}"
        ));
        Ok((commit, path))
    }
}

/// True if a cached copy may stand in for an answer: the server is unreachable, fails, or refuses access.
fn may_use_cache(error: &SourceError) -> bool {
    matches!(error.kind(), ErrorKind::Network | ErrorKind::AccessDenied)
}
