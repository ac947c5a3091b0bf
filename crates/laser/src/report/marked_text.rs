//! Marked text: takes a text, gives it in pieces for the page, with visible line ends and with accepted answers marked.

use serde::Serialize;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    text: String,
    /// `mark` for an accepted answer, `end` for a line end; else empty.
    kind: &'static str,
}

/// A text with visible line ends; one without any visible character says so.
pub(super) fn plain(text: &str) -> Vec<Piece> {
    marked(text, &[])
}

/// The same with the first place of an accepted answer marked, upper or lower case.
pub(super) fn marked(text: &str, accepted: &[&str]) -> Vec<Piece> {
    if text.is_empty() {
        return vec![Piece { text: "(nothing)".to_owned(), kind: "none" }];
    }
    let found = accepted.iter().filter_map(|answer| find(text, answer.trim())).min();
    let mut pieces = Vec::new();
    match found {
        Some((from, to)) => {
            lines(&text[..from], "", &mut pieces);
            lines(&text[from..to], "mark", &mut pieces);
            lines(&text[to..], "", &mut pieces);
        }
        None => lines(text, "", &mut pieces),
    }
    pieces
}

/// Adds a text as pieces that end at line ends.
fn lines(text: &str, kind: &'static str, pieces: &mut Vec<Piece>) {
    for line in text.split_inclusive('\n') {
        let content = line.strip_suffix('\n').unwrap_or(line);
        if !content.is_empty() {
            pieces.push(Piece { text: content.to_owned(), kind });
        }
        if content.len() < line.len() {
            pieces.push(Piece { text: String::new(), kind: "end" });
        }
    }
}

/// Place of the first occurrence of `answer` as whole words in `text`, in bytes.
fn find(text: &str, answer: &str) -> Option<(usize, usize)> {
    let is_word = |c: char| c.is_alphanumeric();
    let starts = text.char_indices().map(|(start, _)| start);
    let fits = |start: usize| {
        let end = start + matching_prefix(&text[start..], answer)?;
        let before = text[..start].chars().next_back();
        let after = text[end..].chars().next();
        // Languages without blanks have no whole words: only letters with cases are checked.
        let joins = |a: Option<char>, b: Option<char>| {
            a.zip(b).is_some_and(|(a, b)| is_word(a) && is_word(b) && a.is_lowercase() | a.is_uppercase())
        };
        let (first, last) = (answer.chars().next(), answer.chars().next_back());
        (!joins(before, first) && !joins(last, after)).then_some((start, end))
    };
    if answer.is_empty() { None } else { starts.into_iter().find_map(fits) }
}

/// Number of bytes of `text` that equal `answer` but for upper and lower case; `None` if it does not begin with it.
fn matching_prefix(text: &str, answer: &str) -> Option<usize> {
    let mut characters = text.char_indices();
    for expected in answer.chars() {
        let (_, found) = characters.next()?;
        if !found.to_lowercase().eq(expected.to_lowercase()) {
            return None;
        }
    }
    Some(characters.next().map_or(text.len(), |(end, _)| end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &[Piece]) -> String {
        let piece = |piece: &Piece| match piece.kind {
            "mark" => format!("[{}]", piece.text),
            "end" => "↵".to_owned(),
            _ => piece.text.clone(),
        };
        pieces.iter().map(piece).collect()
    }

    #[test]
    fn accepted_answers_are_marked_as_whole_words() {
        for (text, answers, expected) in [
            (" the city of paris.", &[" Paris"][..], " the city of [paris]."),
            (" Parisian Paris", &["Paris"][..], " Parisian [Paris]"),
            ("comparis Éclair", &["Paris", "éclair"][..], "comparis [Éclair]"),
            ("答案是東京。", &["東京"][..], "答案是[東京]。"),
            ("no", &["", "  "][..], "no"),
            ("İstanbul", &["x"][..], "İstanbul"),
        ] {
            assert_eq!(written(&marked(text, answers)), expected);
        }
    }

    #[test]
    fn line_ends_are_pieces_of_their_own() {
        assert_eq!(written(&plain("a\n\nb\n")), "a↵↵b↵");
        assert_eq!(written(&plain("")), "(nothing)");
        assert_eq!(written(&marked("\nParis\n", &["Paris"])), "↵[Paris]↵");
    }
}
