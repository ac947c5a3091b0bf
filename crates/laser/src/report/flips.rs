//! Flips: takes the items on which base and winner differ, gives the tables of fixed and broken ones.

use serde::Serialize;

use crate::results::figures::count;

/// Items shown of each kind.
const SHOWN: usize = 50;
/// Characters shown of each text; prompts can be whole documents.
const CHARACTERS: usize = 400;

/// One test item, answered by base and winner.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// What the models read.
    pub prompt: String,
    /// The gold answer.
    pub target: String,
    /// What the base answers.
    pub base_prediction: String,
    /// What the winner answers.
    pub edit_prediction: String,
    /// Whether the base is right.
    pub base_right: bool,
    /// Whether the winner is right.
    pub edit_right: bool,
}

/// The items of one kind.
#[derive(Debug, Serialize)]
pub(super) struct FlipTable {
    total: String,
    /// How many are shown, where that is not all.
    shown: Option<usize>,
    rows: Vec<FlipRow>,
}

#[derive(Debug, Serialize)]
struct FlipRow {
    prompt: String,
    target: String,
    base: String,
    edit: String,
}

/// The fixed (wrong → right) or the broken items; those that did not flip are in neither.
pub(super) fn table(flips: &[Flip], fixed: bool) -> FlipTable {
    let kind: Vec<&Flip> = flips.iter().filter(|f| f.base_right != f.edit_right && f.edit_right == fixed).collect();
    FlipTable {
        total: count(kind.len()),
        shown: (kind.len() > SHOWN).then_some(SHOWN),
        rows: kind
            .iter()
            .take(SHOWN)
            .map(|flip| FlipRow {
                prompt: excerpt(&flip.prompt),
                target: excerpt(&flip.target),
                base: excerpt(&flip.base_prediction),
                edit: excerpt(&flip.edit_prediction),
            })
            .collect(),
    }
}

/// The text without surrounding blanks. Of a long one the end, where a prompt asks its question.
fn excerpt(text: &str) -> String {
    let text = text.trim();
    match text.chars().count().checked_sub(CHARACTERS) {
        None | Some(0) => text.to_owned(),
        Some(surplus) => {
            let end: String = text.chars().skip(surplus).collect();
            format!("… {}", end.trim_start())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_their_end() {
        let long = "é".repeat(CHARACTERS) + " is in ";
        let got = excerpt(&long);
        assert!(got.starts_with("… é") && got.ends_with(" is in"));
        assert_eq!(got.chars().count(), CHARACTERS + 2);
        assert_eq!(excerpt(" Paris\n"), "Paris");
    }
}
