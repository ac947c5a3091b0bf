//! Flips: takes the items on which exactly one of winner and unedited model ("base") is right, gives the tables of
//! fixed and broken answers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::marked_text::{Piece, marked, plain};
use crate::results::number_format::{count, signed_nats};

/// Largest number of rows of a table; `samples.jsonl` has all.
const SHOWN: usize = 500;
/// Largest number of rows with a picture, of those that have one.
const PICTURES: usize = 6;
/// Number of characters up to which a prompt is shown at once; of a longer one its end, which has the question.
const AT_ONCE: usize = 500;
/// Largest number of characters that are kept of a prompt, which can be a whole document.
const KEPT: usize = 6000;

/// The answers to the test split.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TestAnswers {
    /// Items on which exactly one model is right.
    pub flips: Vec<Flip>,
    /// Number of items on which both models are right.
    pub both_right: usize,
    /// Number of items on which both models are wrong.
    pub both_wrong: usize,
}

/// An item of the test split on which exactly one model is right, with the answers of both.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// Identifier of the item, or its number.
    pub id: String,
    /// Name of the task; `None` if there is only one.
    pub task: Option<String>,
    /// The prompt.
    pub prompt: String,
    /// The gold answer.
    pub target: String,
    /// Other answers that count as right.
    pub aliases: Vec<String>,
    /// Answer of the base.
    pub base_prediction: String,
    /// Answer of the winner.
    pub edit_prediction: String,
    /// Answer of the model that keeps only what the edit removes; `None` if it was not asked.
    pub removed_prediction: Option<String>,
    /// True if the base is right, and the winner wrong.
    pub base_right: bool,
    /// Log-probability of the gold answer, winner minus base, nats.
    pub logprob_change: f64,
    /// Picture of the play of a level by both models, as SVG; `None` for other items.
    pub picture: Option<String>,
}

/// The section of the flips.
#[derive(Debug, Serialize)]
pub(super) struct Flips {
    both_right: String,
    both_wrong: String,
    tables: [FlipTable; 2],
    /// True if the rows have answers of the removed components.
    has_removed: bool,
    /// The most frequent answers of the removed components to fixed and broken items; empty if they were not asked.
    removed: String,
    /// True if there is anything to filter.
    any: bool,
}

/// The table of fixed or of broken answers.
#[derive(Debug, Serialize)]
struct FlipTable {
    /// Name of the downloaded file, without `.csv`.
    name: &'static str,
    title: &'static str,
    meaning: &'static str,
    /// Number of items, formatted.
    total: String,
    /// Number of rows, if that is not all items.
    shown: Option<usize>,
    rows: Vec<FlipRow>,
}

#[derive(Debug, Serialize)]
struct FlipRow {
    id: String,
    task: Option<String>,
    prompt: Vec<Piece>,
    /// End of a long prompt, shown before the whole is asked for.
    prompt_end: Option<Vec<Piece>>,
    /// Picture in place of the prompt.
    picture: Option<String>,
    target: Vec<Piece>,
    base: Vec<Piece>,
    edit: Vec<Piece>,
    removed: Option<Vec<Piece>>,
    change: String,
}

/// Arranges the answers.
pub(super) fn flips(answers: &TestAnswers) -> Flips {
    let fixed = |is: bool| answers.flips.iter().filter(|flip| flip.base_right != is).collect::<Vec<_>>();
    let (fixed, broken) = (fixed(true), fixed(false));
    let has_removed = answers.flips.iter().any(|flip| flip.removed_prediction.is_some());
    let removed = [("fixed", &fixed), ("broken", &broken)].map(|(kind, flips)| removed_sentence(kind, flips));
    Flips {
        both_right: count(answers.both_right),
        both_wrong: count(answers.both_wrong),
        tables: [
            table("fixed-answers", "Fixed", "wrong before, right now", &fixed),
            table("broken-answers", "Broken", "right before, wrong now", &broken),
        ],
        has_removed,
        removed: removed.into_iter().flatten().collect::<Vec<_>>().join(" "),
        any: !answers.flips.is_empty(),
    }
}

fn table(name: &'static str, title: &'static str, meaning: &'static str, flips: &[&Flip]) -> FlipTable {
    FlipTable {
        name,
        title,
        meaning,
        total: count(flips.len()),
        shown: (flips.len() > SHOWN).then_some(SHOWN),
        rows: flips.iter().take(SHOWN).enumerate().map(|(place, flip)| row(place, flip)).collect(),
    }
}

fn row(place: usize, flip: &Flip) -> FlipRow {
    let accepted: Vec<&str> = [&flip.target].into_iter().chain(&flip.aliases).map(String::as_str).collect();
    let prompt = end(&flip.prompt, KEPT);
    let is_long = prompt.chars().count() > AT_ONCE;
    FlipRow {
        id: flip.id.clone(),
        task: flip.task.clone(),
        prompt_end: is_long.then(|| plain(&end(&flip.prompt, AT_ONCE))),
        prompt: plain(&prompt),
        picture: flip.picture.clone().filter(|_| place < PICTURES),
        target: plain(&flip.target),
        base: marked(&flip.base_prediction, &accepted),
        edit: marked(&flip.edit_prediction, &accepted),
        removed: flip.removed_prediction.as_ref().map(|answer| marked(answer, &accepted)),
        change: signed_nats(flip.logprob_change),
    }
}

/// The last `most` characters of a text.
fn end(text: &str, most: usize) -> String {
    match text.chars().count().checked_sub(most) {
        None | Some(0) => text.to_owned(),
        Some(surplus) => {
            format!("… ({} characters before) {}", count(surplus), text.chars().skip(surplus).collect::<String>())
        }
    }
}

/// Says how often the removed components alone give a right answer, and what they say most often.
fn removed_sentence(kind: &str, flips: &[&Flip]) -> Option<String> {
    let asked: Vec<(&Flip, &String)> =
        flips.iter().filter_map(|flip| Some((*flip, flip.removed_prediction.as_ref()?))).collect();
    if asked.is_empty() {
        return None;
    }
    let right = asked.iter().filter(|(flip, answer)| {
        let begins = |accepted: &String| !accepted.trim().is_empty() && answer.trim().starts_with(accepted.trim());
        begins(&flip.target) || flip.aliases.iter().any(begins)
    });
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, answer) in &asked {
        *counts.entry(first_words(answer)).or_default() += 1;
    }
    let mut frequent: Vec<(String, usize)> = counts.into_iter().filter(|(_, n)| *n > 1).collect();
    frequent.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let frequent: Vec<String> = frequent.into_iter().take(3).map(|(text, n)| format!("{text} ({n} times)")).collect();
    let begin = match frequent.is_empty() {
        true => String::new(),
        false => format!("; most often they begin with {}", frequent.join(", ")),
    };
    Some(format!(
        "Of {} {kind} items, the removed components alone begin with the right answer on {}{begin}.",
        count(asked.len()),
        count(right.count())
    ))
}

/// The first two words of an answer, quoted.
fn first_words(answer: &str) -> String {
    let words: Vec<&str> = answer.split_whitespace().take(2).collect();
    if words.is_empty() { "nothing".to_owned() } else { format!("“{}”", words.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_to_their_end() {
        let long = "é".repeat(AT_ONCE + 7) + " is in\n";
        let got = end(&long, AT_ONCE);
        assert!(got.starts_with("… (14 characters before) é") && got.ends_with(" is in\n"), "{got}");
        assert_eq!(end(" Paris\n", 100), " Paris\n", "blanks and line ends stay");
    }

    #[test]
    fn the_removed_components_are_summed_up() {
        let flip = |removed: &str| Flip {
            id: String::new(),
            task: None,
            prompt: String::new(),
            target: " Paris".to_owned(),
            aliases: vec!["Lutetia".to_owned()],
            base_prediction: String::new(),
            edit_prediction: String::new(),
            removed_prediction: Some(removed.to_owned()),
            base_right: false,
            logprob_change: 0.0,
            picture: None,
        };
        let flips = [flip(" the the the"), flip("the the city"), flip(" Paris, the city"), flip(" Lutetia"), flip("")];
        let text = removed_sentence("fixed", &flips.iter().collect::<Vec<_>>()).expect("asked");
        assert_eq!(
            text,
            "Of 5 fixed items, the removed components alone begin with the right answer on 2; most often they begin with \
             “the the” (2 times)."
        );
        assert_eq!(removed_sentence("fixed", &[]), None);
    }
}
