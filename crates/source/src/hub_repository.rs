//! The name of a repository to write: takes `ORG/NAME`, checked as the Hub checks the names of new repositories.
//! Compiled with and without the feature `hub`.

use std::fmt;

use super::error::SourceError;

/// Longest name that the Hub accepts.
const LONGEST: usize = 96;

/// A model repository to write into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRepository {
    /// User or organisation.
    pub owner: String,
    /// Name of the repository below it.
    pub name: String,
}

impl HubRepository {
    /// Reads `ORG/NAME`, with or without `hf:` before it.
    ///
    /// # Errors
    /// [`SourceError::RepositoryName`] for a text without exactly one slash, or a part that the Hub refuses.
    ///
    /// ```
    /// use laser_source::HubRepository;
    /// assert_eq!(HubRepository::parse("hf:me/better")?.to_string(), "me/better");
    /// assert!(HubRepository::parse("better").is_err());
    /// # Ok::<(), laser_source::SourceError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let refuse = |problem| Err(SourceError::RepositoryName { text: text.to_owned(), problem });
        let Some((owner, name)) = text.strip_prefix("hf:").unwrap_or(text).split_once('/') else {
            return refuse("there is no slash");
        };
        if name.contains('/') {
            return refuse("there is more than one slash");
        }
        for part in [owner, name] {
            if part.is_empty() {
                return refuse("a part is empty");
            }
            if !part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
                return refuse("only letters, digits, `-`, `_` and `.` may stand in it");
            }
            if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) || part.contains("--") || part.contains("..")
            {
                return refuse("`-` and `.` may neither begin nor end a part, nor stand twice");
            }
        }
        if name.ends_with(".git") {
            return refuse("a name may not end in .git");
        }
        if text.len() > LONGEST {
            return refuse("it is longer than 96 characters");
        }
        Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

/// Writes `ORG/NAME`.
impl fmt::Display for HubRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_accepted_as_the_hub_accepts_them() {
        for text in ["org/name", "Org-1/some_model.v2", "hf:a/b"] {
            assert_eq!(HubRepository::parse(text).unwrap().to_string(), text.trim_start_matches("hf:"));
        }
        let long = format!("org/{}", "x".repeat(100));
        for text in ["", "name", "a/b/c", "/b", "a/", "a b/c", "a/../b", "-a/b", "a/b.", "a/b--c", "a/b.git", &long] {
            let error = HubRepository::parse(text).unwrap_err().to_string();
            assert!(error.contains("ORG/NAME"), "{text:?}: {error}");
        }
    }
}
