//! Names of Hub repositories: takes `ORG/NAME[…][@REV]`, gives its checked parts. Compiled with and without the feature
//! `hub`.

use std::fmt;

use super::error::SourceError;
use super::gguf_file::has_gguf_name;

/// A model repository of the Hugging Face Hub at a revision, or one GGUF file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    /// `ORG/NAME`, or just `NAME` (some of the oldest repositories have no organisation).
    pub repo: String,
    /// Path of one `.gguf` file inside the repository; `None` for a safetensors model.
    pub file: Option<String>,
    /// Branch, tag or commit; `None` for the default branch, `main`.
    pub revision: Option<String>,
}

/// A data set repository of the Hugging Face Hub at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubDataset {
    /// `ORG/NAME`, or just `NAME` (some of the oldest repositories have no organisation).
    pub repo: String,
    /// Branch, tag or commit; `None` for the default branch, `main`.
    pub revision: Option<String>,
}

impl HubModel {
    /// Parses the text after `hf:`.
    pub(crate) fn parse(text: &str) -> Result<Self, SourceError> {
        let malformed = || SourceError::Malformed {
            text: format!("hf:{text}"),
            expected: "hf:ORG/NAME[@REV] or hf:ORG/NAME/FILE.gguf[@REV]",
        };
        let (name, revision) = split_revision(text);
        if !is_plain_path(name) || revision.is_some_and(|revision| !is_plain_path(revision)) {
            return Err(malformed());
        }
        // A file begins after the second slash: the first one separates organisation and name.
        let repo_end = name.match_indices('/').nth(1).map_or(name.len(), |(at, _)| at);
        let file = name.get(repo_end + 1..);
        if file.is_some_and(|file| !has_gguf_name(file)) || !name[..repo_end].chars().all(is_repo_char) {
            return Err(malformed());
        }
        Ok(Self {
            repo: name[..repo_end].to_owned(),
            file: file.map(str::to_owned),
            revision: revision.map(str::to_owned),
        })
    }
}

impl HubDataset {
    /// Parses `hf:ORG/NAME[@REV]`; `None` if the text does not begin with `hf:`, which makes it a local path.
    ///
    /// # Errors
    /// [`SourceError::Malformed`] if the text after `hf:` is not `ORG/NAME[@REV]`.
    pub fn parse(text: &str) -> Result<Option<Self>, SourceError> {
        let Some(rest) = text.strip_prefix("hf:") else { return Ok(None) };
        let (repo, revision) = split_revision(rest);
        let sound = is_plain_path(repo) && repo.chars().all(is_repo_char) && repo.matches('/').count() < 2;
        if !sound || revision.is_some_and(|revision| !is_plain_path(revision)) {
            return Err(SourceError::Malformed { text: text.to_owned(), expected: "hf:ORG/NAME[@REV]" });
        }
        Ok(Some(Self { repo: repo.to_owned(), revision: revision.map(str::to_owned) }))
    }
}

/// Writes the name without `hf:`.
impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// Writes the name with `hf:`, as [`HubDataset::parse`] reads it.
impl fmt::Display for HubDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf:{}", self.repo)?;
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// Splits `NAME@REVISION` at the first `@`.
fn split_revision(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((name, revision)) => (name, Some(revision)),
        None => (text, None),
    }
}

/// Whether the Hub allows the character in `ORG/NAME`.
fn is_repo_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-/".contains(c)
}

/// Whether `text` is a relative path of plain names, safe to join to a folder and to put in a URL.
///
/// File names come from a server and are joined to a cache folder, so `..`, empty names, backslashes and drive letters
/// are refused.
pub(crate) fn is_plain_path(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._-+=() ,".contains(c);
    text.split('/')
        .all(|name| !name.starts_with(' ') && name.chars().all(plain) && name.chars().any(|c| c != '.' && c != ' '))
        && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_data_sets_are_distinguished_from_paths() {
        let parse = |text: &str| HubDataset::parse(text).map(|data| data.map(|data| data.to_string()));
        for text in ["hf:org/name", "hf:name@v1", "hf:org/name@refs/convert/parquet"] {
            assert_eq!(parse(text).unwrap().as_deref(), Some(text));
        }
        assert_eq!(parse("some/folder").unwrap(), None);
        for text in ["hf:", "hf:../x", "hf:a/b/c", "hf:a/b@", "hf:a b"] {
            assert!(parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
