//! Python values: written, read and compared as Python does it, because the harness renders and hashes such texts.

mod dumps;
mod literal;
mod repr;

use serde_json::Value;

pub use dumps::json_dumps;
pub(crate) use literal::literal_eval;
pub use repr::float_repr;

/// Whether Python's `str.isspace`, `str.strip` and `\s` count a character as whitespace: Unicode's whitespace and four
/// separators, U+001C to U+001F.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()`: the text without whitespace at both ends.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str(value)`: a text as it is, any other value as its `repr`.
pub fn to_str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr::repr(other),
    }
}

/// A value as an index from 0; true and false are 1 and 0, as in Python. `None` for other values and negative numbers.
pub(super) fn as_position(value: &Value) -> Option<usize> {
    let index = value.as_i64().or_else(|| value.as_bool().map(i64::from));
    index.and_then(|i| usize::try_from(i).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_written_without_quotes() {
        assert_eq!(to_str(&json!("it's")), "it's");
        assert_eq!(to_str(&json!(["it's", 2.0])), "[\"it's\", 2.0]");
    }

    #[test]
    fn python_strips_separators_too() {
        assert_eq!(strip("\u{1f} \u{a0}x\u{1c}\n"), "x");
    }
}
