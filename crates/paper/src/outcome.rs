//! The outcome of one exhibit: a verdict, sections for the page, and the numbers.

use laser::page::{Section, Tile};
use serde_json::Value;

/// Outcome of an exhibit.
pub(crate) struct Outcome {
    pub(crate) verdict: String,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) sections: Vec<Section>,
    pub(crate) numbers: Value,
}

impl Outcome {
    /// Nothing to show, because the search proposes no edit.
    pub(crate) fn without_edit() -> Self {
        Self {
            verdict: "The search proposes no edit, so that there is nothing to look at.".to_owned(),
            tiles: Vec::new(),
            sections: Vec::new(),
            numbers: Value::Null,
        }
    }
}
