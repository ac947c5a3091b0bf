//! Python's `re` by `fancy-regex`: a pattern in the other's spelling, and `findall`.
//!
//! Where the two read a pattern differently, it is written anew: `$` before a last newline, `\Z`, blanks, escaped
//! signs, braces that are no repetition, and brackets inside a class. What `fancy-regex` does not know is refused.

use fancy_regex::{Captures, Regex};

/// A compiled pattern of Python's.
///
/// # Errors
/// What cannot be understood, in the words of `fancy-regex`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&spelled(pattern)?).map_err(|e| e.to_string())
}

/// The pattern as `fancy-regex` spells it.
fn spelled(pattern: &str) -> Result<String, String> {
    let lines = flags(pattern).contains('m');
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut used = c.len_utf8();
        match c {
            '\\' => used = escape(rest, false, &mut out)?,
            '[' => used = class(rest, &mut out)?,
            '$' if !lines => out.push_str(r"(?=\n?\z)"),
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

/// The flags at the beginning: `im` of `(?im)`.
fn flags(pattern: &str) -> &str {
    let inner = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')')).map_or("", |(flags, _)| flags);
    if inner.bytes().all(|b| b.is_ascii_lowercase()) { inner } else { "" }
}

/// Writes the escape at the beginning of `rest`; gives its length.
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

/// A sign that stands for itself.
fn literal(c: char, out: &mut String) {
    if r"\.+*?()|[]{}^$#&-~".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

/// Writes the class at the beginning of `rest`; gives its length.
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
            ']' if at > first => break,
            '\\' => {
                at += escape(&rest[at..], true, out)?;
                continue;
            }
            '-' => out.push('-'), // a range, or itself at an edge
            c => literal(c, out),
        }
        at += c.len_utf8();
    }
    out.push(']');
    Ok(at + 1)
}

/// A repetition such as `{2,}` at the beginning of `rest`: its length, and itself with both numbers where it has them.
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

/// `re.findall(text)` as a list of the groups of each match (the whole match where the pattern has none).
///
/// A match that is empty moves on by one character. Python would first look for one there that is not.
pub(crate) fn find_all<'t>(regex: &Regex, text: &'t str) -> Vec<Vec<&'t str>> {
    let groups = |found: &Captures<'t>| -> Vec<&'t str> {
        let get = |i| found.get(i).map_or("", |group| group.as_str());
        if found.len() == 1 { vec![get(0)] } else { (1..found.len()).map(get).collect() }
    };
    let (mut all, mut at) = (Vec::new(), 0);
    // A pattern that goes back too often ends the search.
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

    /// Right-hand sides by CPython 3.11's `re.findall`.
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
    fn patterns_that_cannot_be_are_refused() {
        for pattern in ["(", "[a", "a\\", "*a", "(?<n", "[b-a]"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
