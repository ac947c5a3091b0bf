//! A mention: a name in a document, with its place in words.

/// A mention of a name. Words are the runs of letters and digits of the document, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mention {
    /// Index of the name.
    pub name: u32,
    /// First word that the mention has a part of; the word before it if it has no part of any.
    pub first_word: u32,
    /// Last word that the mention has a part of.
    pub last_word: u32,
}
