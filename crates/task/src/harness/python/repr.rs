//! `repr` of values: the Python source text of a value.

use serde_json::Value;

/// `repr(value)`.
pub(super) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(n) => n.as_f64().filter(|_| n.is_f64()).map_or_else(|| n.to_string(), float_repr),
        Value::String(text) => quoted(text),
        Value::Array(list) => format!("[{}]", list.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), repr(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// `repr` of a float: the shortest digits that give the same float when read, with an exponent below 1e-4 and from 1e16
/// on.
pub fn float_repr(x: f64) -> String {
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

/// `repr` of a text: in single quotes, or in double quotes if it contains single but no double ones.
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

/// Whether `repr` writes a character as it is: not a control character, whitespace other than the space, or an
/// invisible format or private-use character.
fn is_printable(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}');
    c == ' ' || !(c.is_control() || c.is_whitespace() || invisible)
}

#[cfg(test)]
mod tests {
    use super::super::literal_eval;
    use super::*;
    use serde_json::json;

    /// Expected texts from CPython 3.11.
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
            assert_eq!(literal_eval(written), Some(value), "{written}");
        }
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(float_repr), ["nan", "inf", "-inf"]);
    }
}
