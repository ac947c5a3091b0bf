//! Code that a configuration names under `auto_map`: takes the text of a JSON file, gives it without that key and with all
//! other bytes as they are.
//!
//! `auto_map` makes loaders run Python code of the folder, or of any repository (`ORG/NAME--module.Class`), instead of
//! their own. The text is not parsed and written anew, because that would change numbers and blanks that are nobody's
//! business here.

use std::ops::Range;

use laser_model::config::ModelConfig;

/// The key.
pub(crate) const KEY: &str = "auto_map";

/// Values of `model_type` for which transformers has no code of its own: without the folder's code, nothing loads them.
const WITHOUT_CODE_IN_TRANSFORMERS: [&str; 1] = ["phi-msft"];

/// Whether a model can be loaded with the code that it brings along only.
pub(crate) fn is_needed(config: &ModelConfig) -> bool {
    WITHOUT_CODE_IN_TRANSFORMERS.contains(&config.family.model_type)
}

/// The text of a JSON object without the key `auto_map` at its top; `None` if it has no such key or is no object.
pub(crate) fn without(text: &str) -> Option<String> {
    let members = members(text)?;
    let is_code = |member: &Member| name_of(text, member).as_deref() == Some(KEY);
    if !members.iter().any(is_code) {
        return None;
    }
    let (first, last) = (members.first()?, members.last()?);
    let mut kept = text[..first.range.start].to_owned();
    let (mut before, mut is_first) = (first.range.start, true);
    for member in &members {
        if !is_code(member) {
            if !is_first {
                kept.push_str(&text[before..member.range.start]); // comma and blanks
            }
            kept.push_str(&text[member.range.clone()]);
            is_first = false;
        }
        before = member.range.end;
    }
    kept.push_str(&text[last.range.end..]);
    Some(kept)
}

/// A key of an object with its value.
struct Member {
    /// Bytes from the key's first quote to the end of the value.
    range: Range<usize>,
    /// End of the key, after its last quote.
    name_end: usize,
}

/// The name of a member, with escapes resolved: `"auto\u005fmap"` is `auto_map`.
fn name_of(text: &str, member: &Member) -> Option<String> {
    serde_json::from_str(&text[member.range.start..member.name_end]).ok()
}

/// The members of the object that a text is; `None` if it is none. Only its outermost structure is checked.
fn members(text: &str) -> Option<Vec<Member>> {
    let bytes = text.as_bytes();
    let blank = |at: usize| bytes[at..].iter().position(|byte| !byte.is_ascii_whitespace()).map(|n| at + n);
    let start = blank(if text.starts_with('\u{feff}') { 3 } else { 0 })?;
    let mut at = blank(start + usize::from(bytes[start] == b'{'))?;
    if bytes[start] != b'{' {
        return None;
    }
    let mut members = Vec::new();
    while bytes[at] == b'"' {
        let name_end = string_end(bytes, at)?;
        let colon = blank(name_end).filter(|colon| bytes[*colon] == b':')?;
        let end = value_end(bytes, colon + 1)?; // of the comma or brace after the value
        let value = text[colon + 1..end].trim_end();
        members.push(Member { range: at..colon + 1 + value.len(), name_end });
        match bytes[end] {
            b',' => at = blank(end + 1)?,
            _ => return Some(members),
        }
    }
    (bytes[at] == b'}').then_some(members)
}

/// The end of the string that begins at `at`, after its last quote.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    loop {
        match bytes.get(i)? {
            b'\\' => i += 2,
            b'"' => return Some(i + 1),
            _ => i += 1,
        }
    }
}

/// The comma or closing brace after the value that begins at `at`.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut i, mut depth) = (at, 0usize);
    loop {
        match bytes.get(i)? {
            b'"' => {
                i = string_end(bytes, i)?;
                continue;
            }
            b',' | b'}' if depth == 0 => return Some(i),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_goes_and_all_other_bytes_stay() {
        for (text, expected) in [
            (
                "{\"a\": 1e-05,\n  \"auto_map\": {\"A\": \"m.X\"},\n  \"b\": [1, 2.0]\n}\n",
                "{\"a\": 1e-05,\n  \"b\": [1, 2.0]\n}\n",
            ),
            (r#"{"auto_map":{"A":"o/r--m.X"},"a":1}"#, r#"{"a":1}"#),
            (r#"{"a":1,"auto_map":null}"#, r#"{"a":1}"#),
            (r#"{ "auto_map" : ["}", "\"", {"x": "{"}] }"#, r#"{  }"#),
            (r#"{"auto\u005fmap":1,"auto_map":2,"a":NaN,"auto_map":3}"#, r#"{"a":NaN}"#),
            ("\u{feff}{\"auto_map\": 1, \"ä\": \"ö\"}", "\u{feff}{\"ä\": \"ö\"}"),
        ] {
            assert_eq!(without(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn texts_without_the_key_at_the_top_stay() {
        for text in [
            "",
            " ",
            "{",
            "{}",
            "[\"auto_map\", 1]",
            "\"auto_map\"",
            r#"{"a": {"auto_map": 1}}"#,
            r#"{"a": "auto_map"}"#,
            r#"{"auto_map"}"#,
            r#"{"auto_map": {"#,
            r#"{"auto_map": "\"#,
            r#"{"auto_map": ]}"#,
            "{\"auto_map",
            "{,",
            "\u{feff}",
        ] {
            assert_eq!(without(text), None, "{text}");
        }
    }
}
