//! Rules of a count: which stretch of text is a mention, and which mentions are together.

use serde::{Deserialize, Serialize};

/// Comparison of letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    /// Capitals and small letters differ.
    #[default]
    Exact,
    /// Capitals and small letters are equal.
    Fold,
}

/// Bounds of a mention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bounds {
    /// The characters before and after a mention are no letters and no digits.
    #[default]
    Word,
    /// A mention may begin and end inside a word, as scripts without blanks need it.
    Any,
}

/// Reach of a co-mention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// Anywhere in the same document.
    #[default]
    Document,
    /// At most so many words apart; neighbouring words are 1 apart, overlapping mentions 0. Words are runs of letters and
    /// digits, so in scripts without blanks they are whole clauses.
    Words(u32),
}

/// Documents that occur more than once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicates {
    /// Each occurrence counts.
    #[default]
    Keep,
    /// Documents of equal bytes count once in the whole corpus. They are told apart by 64 bits of their SHA-256, so
    /// that among 10⁹ documents about 0.03 are lost by chance.
    CountOnce,
}

/// Rules of a count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Comparison of letters.
    pub case: Case,
    /// Bounds of a mention.
    pub bounds: Bounds,
    /// Reach of a co-mention.
    pub window: Window,
    /// Documents that occur more than once.
    pub duplicates: Duplicates,
}
