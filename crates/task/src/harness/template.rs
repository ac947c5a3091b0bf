//! Jinja2 templates over the fields of a row, with the settings of the harness's Jinja2.
//!
//! Undefined names are errors, a final newline is kept, values are written as Python writes them, and texts and lists
//! have Python's methods.

use fancy_regex::{NoExpand, Regex};
use minijinja::value::{ValueKind, from_args};
use minijinja::{Environment, Error as JinjaError, ErrorKind, State, UndefinedBehavior, Value as JinjaValue};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde_json::{Map, Value};

use super::{python, python_regex};
use crate::bounded_template::{BoundedTemplate, bound};

/// Largest number of steps that a template may take on a row: stops templates that would run for ever.
const MAX_STEPS: u64 = 5_000_000;

/// The template engine for one task.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(MAX_STEPS));
    environment.set_unknown_method_callback(method);
    bound(&mut environment, |out, _, value| {
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => python::to_str(&to_json(value)?),
        };
        out.write_str(&text).map_err(JinjaError::from)
    });
    environment.add_filter("regex_replace", regex_replace);
    environment
}

/// A template's value as JSON.
fn to_json(value: &JinjaValue) -> Result<Value, JinjaError> {
    let bad = |e: serde_json::Error| JinjaError::new(ErrorKind::BadSerialization, e.to_string());
    serde_json::to_value(value).map_err(bad)
}

/// Python's methods that the engine lacks: `index` of lists and texts, `removeprefix` and `removesuffix` here, others
/// in `pycompat`.
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
            // Python counts characters, `find` counts bytes.
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

/// The harness's filter `regex_replace(pattern, replacement)`. The replacement is literal text; group references such
/// as `\1` are an error.
fn regex_replace(text: String, pattern: String, replacement: String) -> Result<String, JinjaError> {
    let bad = |problem: String| JinjaError::new(ErrorKind::InvalidOperation, problem);
    if replacement.contains('\\') {
        return Err(bad("regex_replace: a replacement with `\\` is not supported".into()));
    }
    let regex: Regex = python_regex::compile(&pattern).map_err(bad)?;
    let replaced = regex.try_replacen(&text, 0, NoExpand(&replacement)).map_err(|e| bad(e.to_string()))?;
    Ok(replaced.into_owned())
}

/// Where a text of a row comes from: the value of a `doc_to_…` key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TextSource {
    /// The field of this name.
    Field(String),
    /// A template.
    Template(BoundedTemplate),
}

impl TextSource {
    /// Resolves the text of a key, as the harness does: the name of a field if one of `fields` has it, or else a
    /// template.
    ///
    /// # Errors
    /// The message of the engine if the template does not parse.
    pub(crate) fn new(key: &str, text: &str, fields: &[String]) -> Result<Self, String> {
        if fields.iter().any(|field| field == text) {
            return Ok(Self::Field(text.to_owned()));
        }
        // The harness keeps a line end at the end.
        BoundedTemplate::new(key, text, false, true).map(Self::Template).map_err(|e| reason(&e))
    }

    /// The value in a row: a field's value of any type, or the text that the template renders.
    ///
    /// # Errors
    /// The message of the engine if rendering fails, for instance on an undefined name.
    pub(crate) fn value(
        &self,
        fields: &Map<String, Value>,
        environment: &Environment<'static>,
    ) -> Result<Value, String> {
        match self {
            Self::Field(name) => Ok(fields.get(name).cloned().unwrap_or(Value::Null)),
            Self::Template(template) => {
                let text = template.render(environment, JinjaValue::from_serialize(fields));
                text.map(Value::String).map_err(|e| reason(&e))
            }
        }
    }
}

/// The engine's message without the template's text and position, which the caller's error has in its own way.
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
        let environment = environment();
        let names: Vec<String> = fields.keys().cloned().collect();
        let source = TextSource::new("doc_to_text", template, &names)?;
        Ok(python::to_str(&source.value(&fields, &environment)?))
    }

    /// Expected texts from Jinja2 3.1.6 with the harness's settings.
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
    fn errors_of_templates_name_the_reason() {
        for (template, word) in [
            ("{{missing}}", "undefined"),
            ("{{choices.none.x}}", "undefined"),
            ("{{text.nothing()}}", "unknown method"),
            ("{{text|nothing}}", "nothing"),
            ("{{text", "syntax"),
            ("{{choices.label.index('Z')}}", "index"),
            ("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "fuel"),
            ("{% include 'x' %}", "template"),
            (
                "{% set ns = namespace(x=text) %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
                "bytes",
            ),
            (
                "{% set ns = namespace(x=[text]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}",
                "bytes",
            ),
        ] {
            let problem = render(template).expect_err(template);
            assert!(problem.contains(word), "{template}: {problem}");
        }
    }
}
