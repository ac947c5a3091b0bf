//! What a model does with a text.

/// What a model does with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelKind {
    /// Continues it.
    #[default]
    Causal,
    /// Fills masks in it (BERT, RoBERTa).
    Masked,
}
