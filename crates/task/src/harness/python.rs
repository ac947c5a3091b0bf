//! Values as Python writes them, and as it reads them: what a Jinja template puts into a text (`str`), and what
//! `ast.literal_eval` makes of it.

use serde_json::{Map, Value};

/// Whether Python's `str.isspace`, `str.strip` and `\s` take a character for a blank: Unicode's and four separators.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// `str.strip()`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str(value)`.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
pub(crate) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(n) => n.as_f64().filter(|_| n.is_f64()).map_or_else(|| n.to_string(), float),
        Value::String(text) => quoted(text),
        Value::Array(list) => format!("[{}]", list.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), repr(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
pub fn float(x: f64) -> String {
    let size = x.abs();
    if x.is_nan() {
        "nan".to_owned()
    } else if x.is_infinite() {
        if x > 0.0 { "inf".to_owned() } else { "-inf".to_owned() }
    } else if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{x:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
        format!("{digits}e{sign}{exponent:0>2}")
    } else {
        let text = x.to_string();
        if text.contains('.') { text } else { format!("{text}.0") }
    }
}

/// `json.dumps(value, indent=2, ensure_ascii=False)`, which the harness hashes.
pub fn json(value: &Value) -> String {
    let mut out = String::new();
    dump(value, "\n", &mut out);
    out
}

fn dump(value: &Value, line: &str, out: &mut String) {
    let inner = format!("{line}  ");
    let (open, close) = match value {
        Value::Array(list) if !list.is_empty() => ('[', ']'),
        Value::Object(map) if !map.is_empty() => ('{', '}'),
        Value::Number(n) if n.is_f64() => return out.push_str(&repr(value)),
        other => return out.push_str(&other.to_string()),
    };
    out.push(open);
    let entries: Vec<(Option<&String>, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Some(key), value)).collect(),
        other => other.as_array().into_iter().flatten().map(|value| (None, value)).collect(),
    };
    for (i, (key, value)) in entries.into_iter().enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        out.push_str(&inner);
        if let Some(key) = key {
            out.push_str(&format!("{}: ", Value::String(key.clone())));
        }
        dump(value, &inner, out);
    }
    out.push_str(line);
    out.push(close);
}

/// A text between quotes: single ones, unless it has those and no double ones.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => match u32::from(c) {
                code @ ..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ ..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    out.push(quote);
    out
}

/// Whether `repr` shows a character as it is: no control, no blank but the space, no invisible sign.
fn is_printable(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}');
    c == ' ' || !(c.is_control() || c.is_whitespace() || invisible)
}

/// Nested lists and dictionaries that [`literal`] goes into.
const MAX_DEPTH: usize = 32;

/// `ast.literal_eval(text)`: texts, numbers, `True`, `False`, `None`, lists, tuples (as lists) and dictionaries with
/// texts as keys; none where it is anything else.
pub(crate) fn literal(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: strip(text) };
    let value = reader.value(0)?;
    reader.blank();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    fn take(&mut self, what: &str) -> bool {
        self.blank();
        let after = self.rest.strip_prefix(what);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.blank();
        let first = self.rest.chars().next().filter(|_| depth < MAX_DEPTH)?;
        match first {
            '[' => self.list(']', depth).map(|(list, _)| Value::Array(list)),
            '(' => {
                let (mut list, commas) = self.list(')', depth)?;
                // Parentheses around one value, without a comma, are no tuple.
                Some(if list.len() == 1 && commas == 0 { list.remove(0) } else { Value::Array(list) })
            }
            '{' => self.map(depth),
            '\'' | '"' => {
                let mut text = self.string()?;
                loop {
                    self.blank();
                    if !self.rest.starts_with(['\'', '"']) {
                        return Some(Value::String(text));
                    }
                    text.push_str(&self.string()?); // texts side by side are one
                }
            }
            _ => self.word(),
        }
    }

    /// The values up to a closing bracket, and the number of commas.
    fn list(&mut self, close: char, depth: usize) -> Option<(Vec<Value>, usize)> {
        self.rest = &self.rest[1..];
        let (mut list, mut commas, close) = (Vec::new(), 0, close.to_string());
        while !self.take(&close) {
            if list.len() > commas {
                return None;
            }
            list.push(self.value(depth + 1)?);
            commas += usize::from(self.take(","));
        }
        Some((list, commas))
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let (mut map, mut more) = (Map::new(), true);
        while !self.take("}") {
            let Value::String(key) = self.value(depth + 1).filter(|_| more)? else { return None };
            let value = if self.take(":") { self.value(depth + 1)? } else { return None };
            map.insert(key, value);
            more = self.take(",");
        }
        Some(Value::Object(map))
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let end = if self.rest.starts_with(&triple) { triple } else { quote.to_string() };
        self.rest = &self.rest[end.len()..];
        let mut out = String::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(&end) {
                self.rest = rest;
                return Some(out);
            }
            let c = self.next()?;
            match c {
                '\n' if end.len() == 1 => return None, // a text does not go over lines
                '\\' => self.escape(&mut out)?,
                c => out.push(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let c = self.next()?;
        let meant = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' => c,
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            '0'..='7' | 'N' => return None, // octal digits and names: not written by `repr`
            '\n' => return Some(()),
            other => {
                out.push('\\');
                other
            }
        };
        out.push(meant);
        Some(())
    }

    /// The character of so many hexadecimal digits.
    fn code(&mut self, digits: usize) -> Option<char> {
        let code = u32::from_str_radix(self.rest.get(..digits)?, 16).ok()?;
        self.rest = &self.rest[digits..];
        char::from_u32(code)
    }

    fn word(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
        let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() => {
                let zeros = digits.starts_with('0') && digits.bytes().any(|b| b != b'0');
                word.strip_prefix('+').unwrap_or(word).parse::<i64>().ok().filter(|_| !zeros).map(Value::from)
            }
            _ if plain => word.parse::<f64>().ok().map(Value::from),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Right-hand sides by CPython 3.11.
    #[test]
    fn values_are_written_as_python_writes_them() {
        for (value, written) in [
            (json!("it's"), "\"it's\""),
            (json!("a\"b'c"), "'a\"b\\'c'"),
            (json!("x\n\t\\y"), "'x\\n\\t\\\\y'"),
            (json!("\u{a0}é\u{200b}\u{7f}日"), "'\\xa0é\\u200b\\x7f日'"),
            (json!([1, 2.5, null, true, "b", {"k": [false]}]), "[1, 2.5, None, True, 'b', {'k': [False]}]"),
            (json!(1e16), "1e+16"),
            (json!(1.5e-7), "1.5e-07"),
            (json!(0.0001), "0.0001"),
            (json!(123456789012345.0), "123456789012345.0"),
            (json!(-2.0), "-2.0"),
            (json!(0.1), "0.1"),
            (json!([]), "[]"),
        ] {
            assert_eq!(repr(&value), written);
            assert_eq!(literal(written), Some(value), "{written}");
        }
        assert_eq!(text(&json!("it's")), "it's");
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(float), ["nan", "inf", "-inf"]);
    }

    #[test]
    fn literals_are_read_as_python_reads_them() {
        for (text, value) in [
            (" ['a', \"b\",] ", json!(["a", "b"])),
            ("('a',)", json!(["a"])),
            ("('a')", json!("a")),
            ("'a' 'b'", json!("ab")),
            ("'''a\n'b'''", json!("a\n'b")),
            ("'\\d\\x41\\u00e9'", json!("\\dAé")),
            ("00", json!(0)),
            ("-3", json!(-3)),
            ("{'a': 1, 'b': None}", json!({"a": 1, "b": null})),
        ] {
            assert_eq!(literal(text), Some(value), "{text}");
        }
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        for wrong in ["", "[a]", "['a' b]", "['a'", "[,]", "[1,,2]", "'a\nb'", "007", "1 2", "f()", "inf", "nan", &deep]
        {
            assert_eq!(literal(wrong), None, "{wrong}");
        }
    }

    /// The right-hand side by CPython 3.11.
    #[test]
    fn json_is_dumped_as_python_dumps_it() {
        let value = json!({"a": [1, {"b": [], "c": {}}], "é\n\u{1f}\"": "x\\/\u{7f}", "f": [1e-7, 2.0, null, true]});
        assert_eq!(
            super::json(&value),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": [],\n      \"c\": {}\n    }\n  ],\n  \"é\\n\\u001f\\\"\": \"x\\\\/\u{7f}\",\n  \"f\": [\n    1e-07,\n    2.0,\n    null,\n    true\n  ]\n}"
        );
    }

    #[test]
    fn python_strips_separators_too() {
        assert_eq!(strip("\u{1f} \u{a0}x\u{1c}\n"), "x");
    }
}
