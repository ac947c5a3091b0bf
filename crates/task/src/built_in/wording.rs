//! Wording that the prompts of several tasks share: full stops, and items that offer a few words as choices.

use crate::options::{Profile, TaskOptions};
use crate::task::Item;
use laser_model::ModelKind;

/// Trims a text and ends it as a sentence: adds a full stop unless it ends in `.`, `?` or `!`, before closing quotes
/// and brackets if there are any.
pub(super) fn end_sentence(text: &str) -> String {
    let text = text.trim();
    let without_records = text.trim_end_matches(['"', '\'', '”', '’', ')', ']']);
    if without_records.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

/// Trims a text and ends it as the reference code does: adds a full stop unless it ends in `.` or `?`.
pub(super) fn end_sentence_as_reference(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Ends a text by the rule of the profile: [`end_sentence`] or [`end_sentence_as_reference`].
pub(super) fn end_sentence_for(setup: &TaskOptions<'_>, text: &str) -> String {
    match setup.profile {
        Profile::Clean => end_sentence(text),
        Profile::Paper => end_sentence_as_reference(text),
    }
}

/// Suffix of a prompt whose last word is masked: a full stop for masked models, nothing for causal models.
pub(super) fn suffix_after_mask(setup: &TaskOptions<'_>) -> String {
    match setup.kind {
        ModelKind::Causal => String::new(),
        ModelKind::Masked => ".".to_owned(),
    }
}

/// [`suffix_after_mask`] under the profile `clean`; nothing under `paper`.
pub(super) fn clean_suffix_after_mask(setup: &TaskOptions<'_>) -> String {
    match setup.profile {
        Profile::Clean => suffix_after_mask(setup),
        Profile::Paper => String::new(),
    }
}

/// A multiple-choice item. `gold`: index of the right choice.
pub(super) fn choice_item(prompt: String, choices: &[&str], gold: usize) -> Item {
    let choices: Vec<String> = choices.iter().map(|&c| c.to_owned()).collect();
    Item { prompt, answers: vec![choices[gold].clone()], choices, gold, ..Item::default() }
}

/// An item with the choices `true` and `false`.
pub(super) fn true_or_false_item(prompt: String, is_true: bool) -> Item {
    choice_item(prompt, &["true", "false"], usize::from(!is_true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_by_the_rule_of_each_profile() {
        for (text, clean, paper) in [
            (" It is ", "It is.", "It is."),
            ("It is.", "It is.", "It is."),
            ("Is it?", "Is it?", "Is it?"),
            ("It is!", "It is!", "It is!."),
            ("\"It is.\"", "\"It is.\"", "\"It is.\"."),
            ("It (is)", "It (is).", "It (is)."),
        ] {
            assert_eq!((end_sentence(text).as_str(), end_sentence_as_reference(text).as_str()), (clean, paper));
        }
    }
}
