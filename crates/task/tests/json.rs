//! The JSON reader against values that are written here in every spelling that JSON allows.

use laser_task::dataset::Records;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// A value with one of its spellings.
#[derive(Debug, Clone)]
struct Spelled {
    value: Value,
    text: String,
}

/// A string whose characters are written as they are, by their short escape, or by their code.
fn string() -> impl Strategy<Value = Spelled> {
    let any_char = prop_oneof![
        4 => any::<char>(),
        2 => proptest::sample::select(vec!['"', '\\', '/', '\n', '\r', '\t', '\u{8}', '\u{c}', '\0', '\u{1f}']),
        1 => proptest::sample::select(vec!['\u{2028}', '\u{85}', '\u{feff}', '\u{7f}', '\u{1f980}', '\u{10ffff}']),
    ];
    vec((any_char, 0..3_u8), 0..12).prop_map(|chars| {
        let spell = |(c, how): &(char, u8)| {
            let short = match c {
                '"' | '\\' | '/' => Some(format!("\\{c}")),
                '\n' => Some("\\n".to_owned()),
                '\r' => Some("\\r".to_owned()),
                '\t' => Some("\\t".to_owned()),
                '\u{8}' => Some("\\b".to_owned()),
                '\u{c}' => Some("\\f".to_owned()),
                _ => None,
            };
            let code = || c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            match (how, short) {
                (0, Some(short)) => short,
                (1, _) => code(),
                (2, _) => code().to_uppercase().replace("\\U", "\\u"),
                _ if *c < ' ' || *c == '"' || *c == '\\' => code(),
                _ => c.to_string(),
            }
        };
        let text = format!("\"{}\"", chars.iter().map(spell).collect::<String>());
        Spelled { value: chars.iter().map(|(c, _)| *c).collect::<String>().into(), text }
    })
}

/// A number. Whole numbers of 64 bits keep every digit; all others are the closest double, as in Python.
fn number() -> impl Strategy<Value = Spelled> {
    let whole = prop_oneof![any::<i64>().prop_map(i128::from), any::<u64>().prop_map(i128::from), -9..9_i128];
    let whole = whole.prop_map(|n| {
        let value = i64::try_from(n).map(Value::from).or(u64::try_from(n).map(Value::from)).expect("64 bits");
        Spelled { value, text: n.to_string() }
    });
    let decimal = "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20}|(\\.[0-9]{1,4})?[eE][+-]?[0-9]{1,2})".prop_map(|text| {
        let closest: f64 = text.parse().expect("Rust's own reader takes JSON's numbers");
        Spelled { value: Value::Number(Number::from_f64(closest).expect("finite")), text }
    });
    let shortest = any::<f64>().prop_filter("finite", |x| x.is_finite());
    let shortest =
        shortest.prop_map(|x| Spelled { value: Number::from_f64(x).expect("finite").into(), text: format!("{x:e}") });
    prop_oneof![whole, decimal, shortest]
}

fn value() -> impl Strategy<Value = Spelled> {
    let constant = proptest::sample::select(vec![Value::Null, Value::Bool(true), Value::Bool(false)]);
    let constant = constant.prop_map(|value| Spelled { text: value.to_string(), value });
    let leaf = prop_oneof![3 => string(), 3 => number(), 1 => constant];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let list = (vec(inner.clone(), 0..4), blank()).prop_map(|(entries, blank)| {
            let texts: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
            let text = format!("[{blank}{}{blank}]", texts.join(&format!("{blank},{blank}")));
            Spelled { text, value: entries.into_iter().map(|entry| entry.value).collect() }
        });
        prop_oneof![list, object(inner)]
    })
}

/// Blanks that may stand between the parts of a value on one line.
fn blank() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["", " ", "\t "])
}

/// An object; of two entries with one name, the last counts, as in Python.
fn object(inner: impl Strategy<Value = Spelled>) -> impl Strategy<Value = Spelled> {
    (vec((string(), inner), 0..4), blank()).prop_map(|(entries, blank)| {
        let mut fields = Map::new();
        let mut texts = Vec::new();
        for (name, inner) in entries {
            texts.push(format!("{}{blank}:{blank}{}", name.text, inner.text));
            fields.insert(name.value.as_str().expect("a text").to_owned(), inner.value);
        }
        Spelled { text: format!("{{{blank}{}{blank}}}", texts.join(",")), value: fields.into() }
    })
}

/// What our reader gives for a file of this name.
fn read(name: &str, text: &str) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("writes");
    let records = Records::read(&path).map_err(|e| e.to_string())?;
    Ok(records.records.into_iter().map(|record| Value::Object(record.fields)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_spelling_of_a_record_is_read(
        records in vec(object(value()), 1..4),
        end in proptest::sample::select(vec!["\n", "\r\n", "\n\n", "\n \r\n"]),
        mark in proptest::sample::select(vec!["", "\u{feff}"]),
    ) {
        let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
        let expected: Vec<Value> = records.iter().map(|record| record.value.clone()).collect();
        let lines = format!("{mark}{}", texts.join(end));
        prop_assert_eq!(read("x.jsonl", &lines), Ok(expected.clone()), "{}", lines);
        let list = format!("{mark}[{}]", texts.join(&format!(",{end}")));
        prop_assert_eq!(read("x.json", &list), Ok(expected.clone()), "{}", list);
        let inside = format!("{mark}{{\"n\": 1,{end}\"rows\": [{}]{end}}}", texts.join(","));
        prop_assert_eq!(read("x.json", &inside), Ok(expected), "{}", inside);
    }
}

#[test]
fn what_is_no_json_is_refused_with_its_line() {
    for text in [
        "{\"a\": NaN}",
        "{\"a\": Infinity}",
        "{\"a\": 1e999}",
        "{\"a\": 01}",
        "{\"a\": .5}",
        "{\"a\": +1}",
        "{'a': 1}",
        "{\"a\": \"\t\"}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": \"\\x41\"}",
        "{\"a\": 1,}",
        "{\"a\": 1} {\"a\": 2}",
    ] {
        let error = read("x.jsonl", &format!("{{\"a\": 0}}\n{text}\n")).expect_err(text);
        assert!(error.contains("x.jsonl: line 2: expected a JSON object: "), "{text}: {error}");
    }
}
