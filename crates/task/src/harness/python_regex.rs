//! Python's `re` on top of `fancy-regex`: translates a pattern's syntax, and finds matches like `re.findall`.
//!
//! Translated is what the two read differently: `$` before a last newline, `\Z`, whitespace classes, escaped
//! punctuation, braces that are no repetition, and brackets inside a character class. Syntax that `fancy-regex` lacks
//! is an error.

use fancy_regex::{Captures, Regex};

/// Compiles a Python pattern.
///
/// # Errors
/// The message of `fancy-regex` if it does not understand the pattern.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translate(pattern)?).map_err(|e| e.to_string())
}

/// The pattern in the syntax of `fancy-regex`.
fn translate(pattern: &str) -> Result<String, String> {
    let multi_line = flags(pattern).contains('m');
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut used = c.len_utf8();
        match c {
            '\\' => used = escape(rest, false, &mut out)?,
            '[' => used = class(rest, &mut out)?,
            '$' if !multi_line => out.push_str(r"(?=\n?\z)"),
            '{' => match repetition(rest) {
                Some((length, text)) => {
                    out.push_str(&text);
                    used = length;
                }
                None => out.push_str(r"\{"),
            },
            '}' => out.push_str(r"\}"),
            c => out.push(c),
        }
        rest = &rest[used..];
    }
    Ok(out)
}

/// The flags at the beginning of a pattern: `im` of `(?im)`.
fn flags(pattern: &str) -> &str {
    let inner = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')')).map_or("", |(flags, _)| flags);
    if inner.bytes().all(|b| b.is_ascii_lowercase()) { inner } else { "" }
}

/// Translates the escape at the beginning of `rest` into `out`. Returns the bytes of `rest` that it takes.
fn escape(rest: &str, in_class: bool, out: &mut String) -> Result<usize, String> {
    let c = rest[1..].chars().next().ok_or("a pattern ends with a lone `\\`")?;
    match c {
        's' if in_class => out.push_str(r"\s\x1c-\x1f"),
        's' => out.push_str(r"[\s\x1c-\x1f]"),
        'S' if !in_class => out.push_str(r"[^\s\x1c-\x1f]"),
        'Z' if !in_class => out.push_str(r"\z"),
        c if c.is_ascii_alphanumeric() => out.extend(['\\', c]),
        c => literal(c, out),
    }
    Ok(1 + c.len_utf8())
}

/// Appends a character that matches itself, escaped if `fancy-regex` would read it as syntax.
fn literal(c: char, out: &mut String) {
    if r"\.+*?()|[]{}^$#&-~".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

/// Translates the character class at the beginning of `rest` into `out`. Returns the bytes of `rest` that it takes.
fn class(rest: &str, out: &mut String) -> Result<usize, String> {
    let mut at = 1;
    out.push('[');
    if rest[at..].starts_with('^') {
        out.push('^');
        at += 1;
    }
    let first = at;
    loop {
        let c = rest[at..].chars().next().ok_or("a class without its end")?;
        match c {
            ']' if at > first => break, // a bracket in first place is an ordinary character
            '\\' => {
                at += escape(&rest[at..], true, out)?;
                continue;
            }
            '-' => out.push('-'), // between characters a range, at an edge itself, in both syntaxes
            c => literal(c, out),
        }
        at += c.len_utf8();
    }
    out.push(']');
    Ok(at + 1)
}

/// The repetition such as `{2,}` at the beginning of `rest`: its length in bytes and its translation, which writes
/// `{,3}` as `{0,3}`. `None` if the braces are literal, as in `{x}`.
fn repetition(rest: &str) -> Option<(usize, String)> {
    let (inner, _) = rest[1..].split_once('}')?;
    let (low, high) = inner.split_once(',').map_or((inner, None), |(low, high)| (low, Some(high)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let counted = digits(low) && high.is_none_or(digits) && !(low.is_empty() && high.is_none_or(str::is_empty));
    let text = match high {
        None => format!("{{{low}}}"),
        Some(high) => format!("{{{},{high}}}", if low.is_empty() { "0" } else { low }),
    };
    counted.then_some((inner.len() + 2, text))
}

/// `re.findall(text)`: the groups of each match, or the whole match if the pattern has no groups.
///
/// Differs from Python: after an empty match the search goes on at the next character, where Python would first look
/// for a match at the same place that is not empty.
pub(crate) fn find_all<'t>(regex: &Regex, text: &'t str) -> Vec<Vec<&'t str>> {
    let groups = |found: &Captures<'t>| -> Vec<&'t str> {
        let get = |i| found.get(i).map_or("", |group| group.as_str());
        if found.len() == 1 { vec![get(0)] } else { (1..found.len()).map(get).collect() }
    };
    let (mut all, mut at) = (Vec::new(), 0);
    // An error means that the match needed too much backtracking; the matches so far count.
    while let Ok(Some(found)) = regex.captures_from_pos(text, at) {
        let whole = found.get(0).expect("group 0 is there because it is the match");
        at = whole.end();
        if whole.start() == whole.end() {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        all.push(groups(&found));
        if at > text.len() {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected matches from CPython 3.11's `re.findall`.
    #[test]
    fn matches_are_pythons() {
        let cases: [(&str, &str, &[&[&str]]); 23] = [
            ("#### (\\-?[0-9\\.\\,]+)", "so\n#### -1,234.5 and #### 7", &[&["-1,234.5"], &["7"]]),
            ("(-?[$0-9.,]{2,})|(-?[0-9]+)", "it costs $3.50, or 7 -12", &[&["$3.50,", ""], &["", "7"], &["-12", ""]]),
            ("boxed{(.*)}", "\\boxed{42} x", &[&["42"]]),
            ("answer is (.*?)\\.?$", "the answer is 5.\n", &[&["5"]]),
            ("answer is (.*?)\\.?$", "the answer is 5.\nno", &[]),
            ("(?m)^a$", "a\nb\na", &[&["a"], &["a"]]),
            ("[^[\\]]+", "a[b]c", &[&["a"], &["b"], &["c"]]),
            ("[]x]+", "a]x", &[&["]x"]]),
            ("[a&&b]", "&ab", &[&["&"], &["a"], &["b"]]),
            ("\\s+", "a\u{1f} b\u{a0}c", &[&["\u{1f} "], &["\u{a0}"]]),
            ("[\\s.]+", "a\u{1d}.b", &[&["\u{1d}."]]),
            ("\\S+", "a\u{1f}b c", &[&["a"], &["b"], &["c"]]),
            ("x*", "axxb", &[&[""], &["xx"], &[""], &[""]]),
            ("a{,2}b", "aaab", &[&["aab"]]),
            ("(?i)(?P<l>[a-d])\\)", "A) or b) E)", &[&["A"], &["b"]]),
            ("(\\w)\\1", "aabccd", &[&["a"], &["c"]]),
            ("(?<=\\()[A-D](?=\\))", "(A) (E) (C)", &[&["A"], &["C"]]),
            ("\\<b\\>\\!\\%", "<b>!%", &[&["<b>!%"]]),
            ("end\\Z", "end\nend", &[&["end"]]),
            ("\\d+(?:,\\d{3})*", "12,345 and 6", &[&["12,345"], &["6"]]),
            ("(a)|(b)", "ab", &[&["a", ""], &["", "b"]]),
            ("é|\\u00e8", "éè", &[&["é"], &["è"]]),
            ("{x}", "{x}", &[&["{x}"]]),
        ];
        for (pattern, text, matches) in cases {
            let regex = compile(pattern).expect(pattern);
            assert_eq!(find_all(&regex, text), matches, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in ["(", "[a", "a\\", "*a", "(?<n", "[b-a]"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
