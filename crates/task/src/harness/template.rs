//! Jinja2 as the harness sets it up, and texts of a row: a field's name, or a template over the fields.
//!
//! Undefined names are errors, a final newline stays, values are written as Python writes them, and texts and lists
//! have Python's methods.

use fancy_regex::{NoExpand, Regex};
use minijinja::value::{ValueKind, from_args};
use minijinja::{Environment, Error as JinjaError, ErrorKind, State, UndefinedBehavior, Value as JinjaValue};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde_json::{Map, Value};

use super::{python, python_regex};

/// Steps of one template on one row: ends a template that would not.
const MAX_STEPS: u64 = 5_000_000;

/// The environment of a task's templates.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_fuel(Some(MAX_STEPS));
    environment.set_unknown_method_callback(method);
    environment.set_formatter(|out, _, value| {
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => python::text(&plain(value)?),
        };
        out.write_str(&text).map_err(JinjaError::from)
    });
    environment.add_filter("regex_replace", regex_replace);
    environment
}

/// A template's value as JSON.
fn plain(value: &JinjaValue) -> Result<Value, JinjaError> {
    let bad = |e: serde_json::Error| JinjaError::new(ErrorKind::BadSerialization, e.to_string());
    serde_json::to_value(value).map_err(bad)
}

/// Python's methods that the engine has not: `index` of lists and texts, and what `pycompat` knows.
fn method(
    state: &State<'_, '_>,
    value: &JinjaValue,
    name: &str,
    args: &[JinjaValue],
) -> Result<JinjaValue, JinjaError> {
    let missing = || JinjaError::new(ErrorKind::InvalidOperation, "`index`: expected something that is there");
    match (name, value.kind()) {
        ("index", ValueKind::Seq) => {
            let (wanted,): (JinjaValue,) = from_args(args)?;
            value.try_iter()?.position(|entry| entry == wanted).map(JinjaValue::from).ok_or_else(missing)
        }
        ("index", ValueKind::String) => {
            let (text, (wanted,)): (_, (String,)) = (value.as_str().unwrap_or_default(), from_args(args)?);
            let characters = |byte: usize| JinjaValue::from(text[..byte].chars().count());
            text.find(&wanted).map(characters).ok_or_else(missing)
        }
        ("removeprefix" | "removesuffix", ValueKind::String) => {
            let (text, (cut,)): (_, (String,)) = (value.as_str().unwrap_or_default(), from_args(args)?);
            let rest = if name == "removeprefix" { text.strip_prefix(&cut) } else { text.strip_suffix(&cut) };
            Ok(rest.unwrap_or(text).into())
        }
        _ => unknown_method_callback(state, value, name, args),
    }
}

/// The harness's filter `regex_replace(pattern, replacement)`; the replacement is plain text.
fn regex_replace(text: String, pattern: String, replacement: String) -> Result<String, JinjaError> {
    let bad = |problem: String| JinjaError::new(ErrorKind::InvalidOperation, problem);
    if replacement.contains('\\') {
        return Err(bad("regex_replace: a replacement with `\\` is not supported".into()));
    }
    let regex: Regex = python_regex::compile(&pattern).map_err(bad)?;
    let replaced = regex.try_replacen(&text, 0, NoExpand(&replacement)).map_err(|e| bad(e.to_string()))?;
    Ok(replaced.into_owned())
}

/// Where a text of a row comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// The field of this name.
    Field(String),
    /// The template of this name in the environment.
    Template(&'static str),
}

impl Source {
    /// What the text of a key means in rows with these fields: a field's name, or else a template, which is added to
    /// the environment under the key.
    pub(super) fn new(
        key: &'static str,
        text: &str,
        fields: &[String],
        environment: &mut Environment<'static>,
    ) -> Result<Self, String> {
        if fields.iter().any(|field| field == text) {
            return Ok(Self::Field(text.to_owned()));
        }
        environment.add_template_owned(key, text.to_owned()).map_err(|e| reason(&e))?;
        Ok(Self::Template(key))
    }

    /// The value in a row: a field as it is, or a template's text.
    pub(super) fn of(&self, fields: &Map<String, Value>, environment: &Environment<'_>) -> Result<Value, String> {
        match self {
            Self::Field(name) => Ok(fields.get(name).cloned().unwrap_or(Value::Null)),
            Self::Template(name) => {
                let text = environment.get_template(name).and_then(|template| template.render(fields));
                text.map(Value::String).map_err(|e| reason(&e))
            }
        }
    }
}

/// What the engine says, without the template's text and place.
fn reason(error: &JinjaError) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(template: &str) -> Result<String, String> {
        let fields = json!({"text": "one two three", "n": 3, "x": 2.0, "b": true, "none": null,
            "choices": {"text": ["a", "it's"], "label": ["A", "B"]}, "key": "B", "list": [1, "b"], "i": 1});
        let Value::Object(fields) = fields else { unreachable!("the test writes an object") };
        let mut environment = environment();
        let names: Vec<String> = fields.keys().cloned().collect();
        let source = Source::new("doc_to_text", template, &names, &mut environment)?;
        Ok(python::text(&source.of(&fields, &environment)?))
    }

    /// Right-hand sides by Jinja2 3.1.6 with the harness's settings.
    #[test]
    fn templates_give_what_jinja_gives() {
        for (template, text) in [
            ("{{text.split(' ')[:-1]|join(' ')}}", "one two"),
            ("{{' '+text.split(' ')[-1]}}", " three"),
            ("{{choices.label.index(key)}}", "1"),
            ("{{choices.text}}", "['a', \"it's\"]"),
            ("{{choices}}", "{'text': ['a', \"it's\"], 'label': ['A', 'B']}"),
            ("{{[text, n]}}", "['one two three', 3]"),
            ("{{n}} {{x}} {{b}} {{none}} {{list}}", "3 2.0 True None [1, 'b']"),
            ("{{n + 1}} {{n / 2}} {{n // 2}} {{x * n}}", "4 1.5 1 6.0"),
            ("Q: {{text}}\nA:\n", "Q: one two three\nA:\n"),
            ("{% for c in choices.text %}{{loop.index}}. {{c}}\n{% endfor %}", "1. a\n2. it's\n"),
            ("{{'  x '.strip()}}|{{' y '|trim}}|{{text[4:7]}}|{{text[0]}}|{{text|length}}", "x|y|two|o|13"),
            ("{{choices.text[i]}} {{choices['text'][0]}} {{choices.label|last}}", "it's a B"),
            ("{{text.replace('one', '1').upper()}} {{text|capitalize}}", "1 TWO THREE One two three"),
            ("{% if b and n > 2 %}yes{% else %}no{% endif %}", "yes"),
            ("{{ {0: 'no', 1: 'yes'}[i] }}", "yes"),
            ("{{ ['no', 'yes'][i] }} {{ 'x' if b else 'y' }} {{ 'two' in text }}", "yes x True"),
            ("{{text|regex_replace('[aeiou]', '')}}", "n tw thr"),
            ("{% set w = text.split() %}{{w[1]}} {{w|length}}", "two 3"),
            ("{{text.index('two')}} {{text.find('zzz')}} {{text.removeprefix('one ')}}", "4 -1 two three"),
            ("text", "one two three"),
            ("n", "3"),
            ("", ""),
            ("plain <b>&amp;</b>", "plain <b>&amp;</b>"),
        ] {
            assert_eq!(render(template).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn templates_that_cannot_be_say_why() {
        for (template, word) in [
            ("{{missing}}", "undefined"),
            ("{{choices.none.x}}", "undefined"),
            ("{{text.nothing()}}", "unknown method"),
            ("{{text|nothing}}", "nothing"),
            ("{{text", "syntax"),
            ("{{choices.label.index('Z')}}", "index"),
            ("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "fuel"),
            ("{% include 'x' %}", "template"),
        ] {
            let problem = render(template).expect_err(template);
            assert!(problem.contains(word), "{template}: {problem}");
        }
    }
}
