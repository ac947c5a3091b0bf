//! `ast.literal_eval`: reads the Python source text of a value, as a template renders it.

use serde_json::{Map, Value};

use super::{is_space, strip};

/// Deepest nesting of lists and dictionaries that [`literal_eval`] reads; bounds the recursion.
const MAX_DEPTH: usize = 32;

/// `ast.literal_eval(text)` of texts, numbers, `True`, `False`, `None`, lists, tuples (as lists) and dictionaries with
/// texts as keys; `None` for anything else.
pub(crate) fn literal_eval(text: &str) -> Option<Value> {
    let mut parser = LiteralParser { rest: strip(text) };
    let value = parser.value(0)?;
    parser.skip_space();
    parser.rest.is_empty().then_some(value)
}

/// Parses one literal. Each method returns `None` on text that is no literal.
struct LiteralParser<'a> {
    /// Text that was not parsed yet.
    rest: &'a str,
}

impl LiteralParser<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    /// Skips whitespace and then `token`; returns whether the token was there.
    fn take(&mut self, token: &str) -> bool {
        self.skip_space();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// A value within `depth` brackets.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
        let first = self.rest.chars().next().filter(|_| depth < MAX_DEPTH)?;
        match first {
            '[' => self.list(']', depth).map(|(list, _)| Value::Array(list)),
            '(' => {
                let (mut list, commas) = self.list(')', depth)?;
                // `('a')` is a text in parentheses, `('a',)` a tuple.
                Some(if list.len() == 1 && commas == 0 { list.remove(0) } else { Value::Array(list) })
            }
            '{' => self.map(depth),
            '\'' | '"' => self.strings().map(Value::String),
            _ => self.number_or_name(),
        }
    }

    /// The values of a list from its opening bracket to `close`, and the number of commas.
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

    /// A dictionary from its opening brace.
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

    /// Texts one after the other, which Python joins: `'a' 'b'`.
    fn strings(&mut self) -> Option<String> {
        let mut text = self.string()?;
        loop {
            self.skip_space();
            if !self.rest.starts_with(['\'', '"']) {
                return Some(text);
            }
            text.push_str(&self.string()?);
        }
    }

    /// A text from its opening quote, single or triple.
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
                '\n' if end.len() == 1 => return None, // only texts in triple quotes have line ends
                '\\' => self.escape(&mut out)?,
                c => out.push(c),
            }
        }
    }

    /// The next character.
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Appends the character of an escape, whose backslash was read.
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
            '0'..='7' | 'N' => return None, // octal codes and names, which `repr` never writes
            '\n' => return Some(()),        // a backslash at the end of a line joins lines
            // Python keeps the backslash of an unknown escape.
            other => {
                out.push('\\');
                other
            }
        };
        out.push(meant);
        Some(())
    }

    /// The character whose code is the next `digits` hexadecimal digits.
    fn code(&mut self, digits: usize) -> Option<char> {
        let code = u32::from_str_radix(self.rest.get(..digits)?, 16).ok()?;
        self.rest = &self.rest[digits..];
        char::from_u32(code)
    }

    /// A number, `True`, `False` or `None`.
    fn number_or_name(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
        let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ if digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() => {
                // Python refuses leading zeros, except in zero itself.
                let leading_zero = digits.starts_with('0') && digits.bytes().any(|b| b != b'0');
                word.strip_prefix('+').unwrap_or(word).parse::<i64>().ok().filter(|_| !leading_zero).map(Value::from)
            }
            _ if is_number => word.parse::<f64>().ok().map(Value::from),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            assert_eq!(literal_eval(text), Some(value), "{text}");
        }
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        for wrong in ["", "[a]", "['a' b]", "['a'", "[,]", "[1,,2]", "'a\nb'", "007", "1 2", "f()", "inf", "nan", &deep]
        {
            assert_eq!(literal_eval(wrong), None, "{wrong}");
        }
    }
}
