//! How documents are read from files: the key of a text, the bounds of documents, and their largest size.

/// Largest document or line that is read, 64 MiB, unless [`Reading::document_limit`] says otherwise.
pub const DOCUMENT_LIMIT: usize = 64 << 20;

/// Bounds of the documents in plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Split {
    /// The whole file is a document.
    #[default]
    File,
    /// Blank lines part documents.
    BlankLines,
    /// Lines equal to this one part documents.
    Line(String),
}

/// Rules by which documents are read from files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Key of the text in a JSON object.
    pub text_key: String,
    /// Bounds of the documents in plain text.
    pub split: Split,
    /// Largest document or line, in bytes; a larger one is a fault.
    pub document_limit: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self { text_key: "text".to_owned(), split: Split::default(), document_limit: DOCUMENT_LIMIT }
    }
}
