//! The two kinds of language models.

/// Kind of a language model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelKind {
    /// Causal: continues a text; each token attends only to itself and to earlier tokens.
    #[default]
    Causal,
    /// Masked: fills masks in a text (BERT, RoBERTa).
    Masked,
}
