//! Kinds of Hub repositories: models and data sets have different addresses and different folders in the cache.

/// Kind of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RepoKind {
    Model,
    Dataset,
}

impl RepoKind {
    /// Name of the kind in API addresses and at the beginning of a cache folder's name.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
        }
    }

    /// Path before the repository's name in a file's address.
    pub(super) fn url_prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
        }
    }
}
