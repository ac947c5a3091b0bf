//! Names of PyPI packages: takes `PACKAGE==VERSION`, gives its checked parts. Compiled with and without the feature
//! `pypi`.

use std::fmt;

use super::error::SourceError;

/// A package of the Python Package Index at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PypiPackage {
    /// Name of the package.
    pub name: String,
    /// Exact version.
    pub version: String,
}

impl PypiPackage {
    /// Parses the text after `pypi:`.
    pub(crate) fn parse(text: &str) -> Result<Self, SourceError> {
        // Name and version become arguments of pip and part of a folder name, so neither may look like an option or a
        // path.
        let plain = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-+!".contains(c))
        };
        match text.split_once("==") {
            Some((name, version)) if plain(name) && plain(version) => {
                Ok(Self { name: name.to_owned(), version: version.to_owned() })
            }
            _ => Err(SourceError::Malformed { text: format!("pypi:{text}"), expected: "pypi:PACKAGE==VERSION" }),
        }
    }
}

/// Writes `PACKAGE==VERSION`.
impl fmt::Display for PypiPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}", self.name, self.version)
    }
}
