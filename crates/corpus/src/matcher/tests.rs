//! The matchers beside a naive reference.

use proptest::prelude::*;

use super::*;
use crate::canonical::append_canonical;

/// All mentions by comparison of each name at each place, sorted.
fn mentions_by_comparison(names: &[String], text: &str, case: Case, bounds: Bounds) -> Vec<Mention> {
    let mut canonical = String::new();
    append_canonical(compose(text, &mut String::new()), case, &mut canonical);
    let characters: Vec<char> = canonical.chars().collect();
    // Number of words that begin before each character.
    let mut begun = vec![0_u32];
    for (i, c) in characters.iter().enumerate() {
        let begins = c.is_alphanumeric() && (i == 0 || !characters[i - 1].is_alphanumeric());
        begun.push(begun[i] + u32::from(begins));
    }
    let is_word = |i: usize| characters.get(i).is_some_and(|c| c.is_alphanumeric());
    let mut mentions = Vec::new();
    for (name, text) in (0..).zip(names) {
        let name_characters: Vec<char> = canonical_name(text, case).chars().collect();
        for start in 0..characters.len() {
            let end = start + name_characters.len();
            if characters.get(start..end) != Some(&name_characters) {
                continue;
            }
            if bounds == Bounds::Word && (start > 0 && is_word(start - 1) || is_word(end)) {
                continue;
            }
            let last_word = begun[end].saturating_sub(1);
            let inside = (start..end).find(|&i| is_word(i));
            let first_word = inside.map_or(last_word, |i| begun[i + 1].saturating_sub(1));
            mentions.push(Mention { name, first_word, last_word });
        }
    }
    mentions.sort_unstable();
    mentions
}

fn mentions(matcher: &Matcher, text: &str) -> Vec<Mention> {
    let mut mentions = Vec::new();
    matcher.find(text, &mut MatchBuffers::default(), |mention| mentions.push(mention));
    assert!(mentions.is_sorted_by_key(|mention| mention.last_word));
    mentions.sort_unstable();
    mentions
}

/// The names found in `text` between word bounds, with their first and last words.
fn found(names: &[&str], text: &str, case: Case) -> Vec<(String, u32, u32)> {
    let matcher = Matcher::new(names, case, Bounds::Word).expect("names");
    let name = |mention: Mention| (names[mention.name as usize].to_owned(), mention.first_word, mention.last_word);
    mentions(&matcher, text).into_iter().map(name).collect()
}

#[test]
fn a_name_inside_another_counts_too() {
    let names = ["France", "Air France", "Air France Flight 447", "Air"];
    let expected = [("France", 2, 2), ("Air France", 1, 2), ("Air France Flight 447", 1, 4), ("Air", 1, 1)];
    let expected = expected.map(|(name, first, last)| (name.to_owned(), first, last));
    assert_eq!(found(&names, "On Air\nFrance  Flight 447.", Case::Exact), expected);
}

#[test]
fn letters_and_digits_beside_a_mention_forbid_it() {
    assert!(found(&["Rome"], "Romeo, Jerome, Rome1, éRome, Romeé, ROME", Case::Exact).is_empty());
    assert_eq!(found(&["Rome"], "(Rome) Rome's “Rome” Rome–Paris ROME", Case::Fold).len(), 5);
}

#[test]
fn names_that_begin_or_end_with_signs() {
    let names = ["'Allo 'Allo!", "!!!", "C++", "(500) Days"];
    let expected = [("'Allo 'Allo!", 0, 1), ("!!!", 2, 2), ("C++", 3, 3), ("(500) Days", 4, 5)];
    let expected = expected.map(|(name, first, last)| (name.to_owned(), first, last));
    assert_eq!(found(&names, "'Allo\t'Allo! by !!! C++ (500) Days", Case::Exact)[..1], expected[..1]);
    assert_eq!(found(&names, "'Allo 'Allo! by !!! C++ (500) Days", Case::Exact), expected);
}

#[test]
fn composed_and_decomposed_letters_are_equal() {
    assert_eq!(found(&["Be\u{301}ziers"], "to B\u{e9}ziers", Case::Exact).len(), 1);
    assert_eq!(found(&["B\u{e9}ziers"], "to Be\u{301}ziers", Case::Exact).len(), 1);
    assert_eq!(found(&["BÉZIERS"], "to be\u{301}ziers", Case::Fold).len(), 1);
}

#[test]
fn a_blank_name_is_refused() {
    let error = Matcher::new(&["a", " \n"], Case::Exact, Bounds::Word).expect_err("a blank name");
    assert_eq!(error.to_string(), "names: expected a character in each name, found none in 1");
}

/// Texts of few kinds of characters, so that names occur in them.
fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "A",
        "ab",
        "aB",
        " ",
        " ",
        "  ",
        "\n",
        "\u{a0}",
        ".",
        "'",
        "-",
        "é",
        "e\u{301}",
        "É",
        "–",
        "1",
        "İ",
        "ς",
        "Σ",
        "東",
        "\u{301}",
        "\u{20d0}",
        "\u{323}",
        "longestword",
        "LongestWord",
    ]);
    prop::collection::vec(piece, pieces).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn mentions_are_those_of_the_reference(
        names in prop::collection::vec(text(1..5), 1..12),
        text in text(0..60),
        folds in any::<bool>(),
        any_bounds in any::<bool>(),
    ) {
        let case = if folds { Case::Fold } else { Case::Exact };
        let bounds = if any_bounds { Bounds::Any } else { Bounds::Word };
        let names: Vec<String> = names.into_iter().filter(|name| !name.trim().is_empty()).collect();
        prop_assume!(!names.is_empty());
        let matcher = Matcher::new(&names, case, bounds).expect("names");
        prop_assert_eq!(mentions(&matcher, &text), mentions_by_comparison(&names, &text, case, bounds));
    }
}
