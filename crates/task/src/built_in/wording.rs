//! Wording: the rules of punctuation that the prompts of several tasks share, and items that ask for one of few words.

use crate::setup::{Profile, TaskOptions};
use crate::task::Item;
use laser_model::ModelKind;

/// The text, trimmed, as a sentence: with a full stop unless it ends as sentences do, closing quotes and brackets aside.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    let bare = text.trim_end_matches(['"', '\'', '”', '’', ')', ']']);
    if bare.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

/// The text, trimmed, as the reference closes one: with a full stop unless it ends in `.` or `?`.
pub(super) fn closed(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// [`sentence`] or, as the paper has it, [`closed`].
pub(super) fn closed_for(setup: &TaskOptions<'_>, text: &str) -> String {
    match setup.profile {
        Profile::Clean => sentence(text),
        Profile::Paper => closed(text),
    }
}

/// What stands behind the masks of a prompt that breaks off before its last word: nothing for a causal model.
pub(super) fn full_stop(setup: &TaskOptions<'_>) -> String {
    match setup.kind {
        ModelKind::Causal => String::new(),
        ModelKind::Masked => ".".to_owned(),
    }
}

/// [`full_stop`], of which the paper knows nothing.
pub(super) fn clean_full_stop(setup: &TaskOptions<'_>) -> String {
    match setup.profile {
        Profile::Clean => full_stop(setup),
        Profile::Paper => String::new(),
    }
}

/// An item that asks for one of few words.
pub(super) fn one_of(prompt: String, choices: &[&str], gold: usize) -> Item {
    let choices: Vec<String> = choices.iter().map(|&c| c.to_owned()).collect();
    Item { prompt, answers: vec![choices[gold].clone()], choices, gold, ..Item::default() }
}

/// An item that asks whether a statement is true.
pub(super) fn true_or_false(prompt: String, is_true: bool) -> Item {
    one_of(prompt, &["true", "false"], usize::from(!is_true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_closed_once() {
        for (text, clean, paper) in [
            (" It is ", "It is.", "It is."),
            ("It is.", "It is.", "It is."),
            ("Is it?", "Is it?", "Is it?"),
            ("It is!", "It is!", "It is!."),
            ("\"It is.\"", "\"It is.\"", "\"It is.\"."),
            ("It (is)", "It (is).", "It (is)."),
        ] {
            assert_eq!((sentence(text).as_str(), closed(text).as_str()), (clean, paper));
        }
    }
}
