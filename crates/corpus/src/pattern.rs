//! A canonical name as a pattern: what comes before its first word, and comparison with a text in NFC.
//!
//! The text is not made canonical: a blank of the pattern matches a run of white space of the text, and the letters of
//! the text are folded one by one. This saves a copy of each document.

use crate::characters::{CLASSES, Class, fold};

/// A canonical name that has a word.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The name up to its first word, such as `(` or nothing.
    before: Box<str>,
    /// The name from its first word.
    rest: Box<str>,
    has_blank: bool,
}

impl Pattern {
    /// The pattern of a canonical name; `None` if it has no word.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let (before, rest) = name.split_at(name.find(char::is_alphanumeric)?);
        Some(Self { before: before.into(), rest: rest.into(), has_blank: rest.contains(' ') })
    }

    /// The words of the name, at least one.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.rest.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
    }

    /// Start and end of the pattern in `text` if its first word is at `at`; the neighbours are not looked at.
    pub(crate) fn range_at(&self, text: &str, at: usize, folds: bool) -> Option<[usize; 2]> {
        Some([self.start_before(text, at, folds)?, self.end_from(text, at, folds)?])
    }

    fn end_from(&self, text: &str, at: usize, folds: bool) -> Option<usize> {
        let found = &text.as_bytes()[at..];
        let rest = self.rest.as_bytes();
        if found.get(..rest.len()) == Some(rest) {
            return Some(at + rest.len());
        }
        if !folds && !self.has_blank {
            return None;
        }
        let mut i = at;
        for expected in self.rest.chars() {
            i = if expected == ' ' { after_blanks(text, i)? } else { after_char(text, i, expected, folds)? };
        }
        Some(i)
    }

    fn start_before(&self, text: &str, at: usize, folds: bool) -> Option<usize> {
        let mut i = at;
        for expected in self.before.chars().rev() {
            let before = &text[..i];
            i = if expected == ' ' {
                Some(before.trim_end().len()).filter(|&start| start < i)?
            } else {
                let found = before.chars().next_back()?;
                (found == expected || folds && fold(found) == expected).then(|| i - found.len_utf8())?
            };
        }
        Some(i)
    }
}

/// End of the white space at `at`; `None` if there is none.
fn after_blanks(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let after = rest.trim_start();
    (after.len() < rest.len()).then(|| text.len() - after.len())
}

/// End of the character at `at` if it is `expected`.
fn after_char(text: &str, at: usize, expected: char, folds: bool) -> Option<usize> {
    let &byte = text.as_bytes().get(at)?;
    if CLASSES[usize::from(byte)] != Class::Beyond {
        let found = if folds { byte.to_ascii_lowercase() } else { byte };
        return (char::from(found) == expected).then_some(at + 1);
    }
    let found = text[at..].chars().next()?;
    (found == expected || folds && fold(found) == expected).then(|| at + found.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_matches_a_run_of_white_space_on_both_sides_of_the_first_word() {
        let pattern = Pattern::new("… and justice").expect("words");
        assert!(pattern.words().eq(["and", "justice"]));
        let text = "x … \n And \u{a0}JUSTICE!";
        let at = text.find("And").expect("it is there");
        let [start, end] = pattern.range_at(text, at, true).expect("a match");
        assert_eq!(&text[start..end], "… \n And \u{a0}JUSTICE");
        assert_eq!(pattern.range_at(text, at, false), None);
    }
}
