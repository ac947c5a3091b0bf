//! Suggestions for misspelled words: takes a word and the known ones, gives the one that was probably meant.

use strsim::osa_distance;

/// The known word that is nearest to `word`, if a slip or two of the keyboard explain the difference; a word that is known
/// itself has none.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let slips = |known: &str| {
        let longer = known.chars().count();
        // Long words are not compared with short ones, which would take time for nothing.
        let allowed = if length.abs_diff(longer) > 2 { 0 } else { allowed(length.min(longer)) };
        (allowed > 0).then(|| osa_distance(word, known)).filter(|slips| (1..=allowed).contains(slips))
    };
    let mut known: Vec<&str> = known.into_iter().collect();
    if known.contains(&word) {
        return None;
    }
    known.dedup();
    let distances = known.into_iter().filter_map(|known| Some((slips(known)?, known)));
    distances.min_by_key(|(slips, _)| *slips).map(|(_, known)| known)
}

/// Number of wrong, missing, additional or exchanged letters that a word of this length may have.
fn allowed(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_keyboard_are_recognised_and_other_words_are_not() {
        let known = ["answer", "question", "gold", "id", "world-facts"];
        for (word, meant) in [
            ("answr", Some("answer")),
            ("anwser", Some("answer")),
            ("qestion", Some("question")),
            ("golds", Some("gold")),
            ("world-fact", Some("world-facts")),
            ("answer", None),
            ("ids", None),
            ("category", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
    }
}
