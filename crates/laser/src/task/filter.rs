//! Filters: takes a generated text, gives what is held against the answers.

/// Filters in their order.
#[derive(Debug, Clone, Default)]
pub struct Filters {}

impl Filters {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// The text that counts.
    pub fn apply(&self, text: &str) -> String {
        text.to_owned()
    }
}
