//! The cache folders of one repository in their order: files are looked for in each, and fetched into the first that can
//! be written to.

use super::cache::RepoCache;
use super::repo_kind::RepoKind;
use crate::error::{ErrorKind, SourceError};
use crate::options::SourceOptions;

/// Folders of one repository; at least one.
pub(super) struct Caches(Vec<RepoCache>);

impl Caches {
    /// The folders of `repo` (`ORG/NAME`) in the caches that the options name; creates nothing.
    pub(super) fn new(options: &SourceOptions<'_>, kind: RepoKind, repo: &str) -> Self {
        Self(options.hub_caches().iter().map(|cache| RepoCache::new(cache, kind, repo)).collect())
    }

    /// What `look` finds in the first cache that has all of it.
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

    /// What `write` gives for the first cache that can be written to; `notes` say which ones cannot.
    ///
    /// # Errors
    /// That of the last cache, or one that has nothing to do with the cache.
    pub(super) fn fill<T>(
        &self,
        notes: &mut Vec<String>,
        write: impl Fn(&RepoCache) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let (last, others) = self.0.split_last().expect("there is at least one cache");
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
}

/// Remark that the Hub did not answer, and a cache is used.
pub(super) fn unanswered(name: &str, commit: &str, error: &SourceError) -> String {
    format!("the Hub did not answer, so that {name} is taken from the cache, at commit {commit}: {error}")
}

/// True if a cached copy may stand in for an answer: the server is unreachable, fails, or refuses access.
pub(super) fn may_use_cache(error: &SourceError) -> bool {
    matches!(error.kind(), ErrorKind::Network | ErrorKind::AccessDenied)
}
