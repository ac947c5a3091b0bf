//! Flips: takes the items on which exactly one of winner and unedited model ("base") is right, gives the tables of
//! fixed and broken answers.

use serde::Serialize;

use crate::results::number_format::count;

/// Largest number of rows of a table.
const SHOWN: usize = 50;
/// Largest number of rows with a picture, of those that have one.
const PICTURES: usize = 6;
/// Largest number of characters shown of a text; prompts can be whole documents.
const CHARACTERS: usize = 400;

/// An item of the test split with the answers of both models.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// The prompt.
    pub prompt: String,
    /// The gold answer.
    pub target: String,
    /// Answer of the base.
    pub base_prediction: String,
    /// Answer of the winner.
    pub edit_prediction: String,
    /// Whether the base is right.
    pub base_right: bool,
    /// Whether the winner is right.
    pub edit_right: bool,
    /// Picture of the play of a level by both models, as SVG; `None` for other items.
    pub picture: Option<String>,
}

/// The table of fixed or of broken answers.
#[derive(Debug, Serialize)]
pub(super) struct FlipTable {
    /// Number of items, formatted.
    total: String,
    /// Number of rows, if that is not all items.
    shown: Option<usize>,
    rows: Vec<FlipRow>,
}

#[derive(Debug, Serialize)]
struct FlipRow {
    prompt: String,
    /// Picture in place of the prompt.
    picture: Option<String>,
    target: String,
    base: String,
    edit: String,
}

/// The table of fixed (wrong before, right now) or, if `fixed` is false, of broken answers. Items on which the models
/// agree are in neither.
pub(super) fn table(flips: &[Flip], fixed: bool) -> FlipTable {
    let selected: Vec<&Flip> = flips.iter().filter(|f| f.base_right != f.edit_right && f.edit_right == fixed).collect();
    FlipTable {
        total: count(selected.len()),
        shown: (selected.len() > SHOWN).then_some(SHOWN),
        rows: selected
            .iter()
            .take(SHOWN)
            .enumerate()
            .map(|(place, flip)| FlipRow {
                picture: flip.picture.clone().filter(|_| place < PICTURES),
                prompt: excerpt(&flip.prompt),
                target: excerpt(&flip.target),
                base: excerpt(&flip.base_prediction),
                edit: excerpt(&flip.edit_prediction),
            })
            .collect(),
    }
}

/// The text without surrounding white space. A long text is cut to its end, since a prompt ends with its question.
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
    fn long_texts_are_cut_to_their_end() {
        let long = "é".repeat(CHARACTERS) + " is in ";
        let got = excerpt(&long);
        assert!(got.starts_with("… é") && got.ends_with(" is in"));
        assert_eq!(got.chars().count(), CHARACTERS + 2);
        assert_eq!(excerpt(" Paris\n"), "Paris");
    }
}
