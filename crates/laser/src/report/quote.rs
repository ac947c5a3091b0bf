//! Quotations: answers of models and tasks within a sentence.

/// Most characters of a quotation.
const CHARACTERS: usize = 60;

/// A text in quotation marks, without the blanks around it, on one line, and not too long; `an empty answer` for one
/// without visible characters.
pub(super) fn quote(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.is_empty() {
        return "an empty answer".to_owned();
    }
    // A text that has quotation marks of its own gets others around it.
    let [open, close] = if line.contains(['“', '”']) { ['‘', '’'] } else { ['“', '”'] };
    match line.char_indices().nth(CHARACTERS) {
        None => format!("{open}{line}{close}"),
        Some((end, _)) => format!("{open}{}…{close}", line[..end].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_are_short_and_on_one_line() {
        assert_eq!(quote(" Paris\n"), "“Paris”");
        assert_eq!(quote("a\n\n  b"), "“a b”");
        assert_eq!(quote(" \n"), "an empty answer");
        assert_eq!(quote("say “yes”"), "‘say “yes”’");
        assert_eq!(quote(&"é".repeat(61)), format!("“{}…”", "é".repeat(60)));
    }
}
