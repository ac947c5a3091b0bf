//! Jinja environment set up as in `transformers`: takes a template's text, gives the template with the environment that
//! renders it.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use serde::Serialize;

use super::date::Date;
use super::error::{ChatError, RenderError};
use crate::bounded_template::{BoundedTemplate, bound};

/// Largest template in bytes. The largest of known models (with tools and several modes) has under 20 kB.
const MAX_BYTES: usize = 1 << 20;
/// Maximum number of instructions of one rendering, so that every template ends; one or two turns take hundreds.
const FUEL: u64 = 200_000;
/// Name of the template in messages.
const NAME: &str = "chat template";

/// Makes a template and its environment. `date`: the current date for `strftime_now`.
///
/// # Errors
/// The template is too large or not valid Jinja.
pub(super) fn parse(source: &str, date: Option<Date>) -> Result<(BoundedTemplate, Environment<'static>), ChatError> {
    if source.len() > MAX_BYTES {
        return Err(ChatError::TooLarge { limit: MAX_BYTES, found: source.len() });
    }
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    bound(&mut env, |out, state, value| match value.kind() {
        ValueKind::Bool => out.write_str(if value.is_true() { "True" } else { "False" }).map_err(Error::from),
        ValueKind::None => out.write_str("None").map_err(Error::from),
        // Python would print `['a']` or `{'a': 1}`; refused, because no known template needs it.
        ValueKind::Seq | ValueKind::Map => Err(invalid("prints a list or a mapping as Python would; use tojson")),
        _ => minijinja::escape_formatter(out, state, value),
    });
    env.add_filter("tojson", tojson);
    env.add_function("raise_exception", |message: String| -> Result<Value, Error> { Err(invalid(message)) });
    env.add_function("strftime_now", move |format: String| -> Result<String, Error> {
        let date = date.ok_or_else(|| invalid("no date").with_source(RenderError::DateMissing))?;
        date.format(&format).map_err(|c| invalid(format!("strftime_now does not know %{c}")))
    });
    let source = without_generation_tags(source);
    let template = BoundedTemplate::new(NAME, &source, true, false);
    Ok((template.map_err(|e| ChatError::Syntax(e.to_string()))?, env))
}

/// An error that a template raises.
fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// The filter `tojson` of `transformers`, which replaces Jinja's own: JSON as Python's `json.dumps(…,
/// ensure_ascii=False)` writes it, with a space after commas and colons and without HTML escapes.
fn tojson(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    if options.get::<Option<bool>>("ensure_ascii")? == Some(true) {
        return Err(invalid("tojson with ensure_ascii is not supported"));
    }
    options.assert_all_used()?;
    let mut bytes = Vec::new();
    let written = match indent {
        Some(width) if width > 64 => return Err(invalid("tojson: expected an indent of at most 64")),
        Some(width) => {
            let indent = " ".repeat(width);
            let pretty = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, pretty))
        }
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, PythonSeparators)),
    };
    written.map_err(|e| invalid(format!("tojson: {e}")))?;
    Ok(String::from_utf8(bytes).expect("JSON is UTF-8 because serde_json writes it so"))
}

/// Separators of Python's `json.dumps`: `, ` and `: `.
struct PythonSeparators;

impl serde_json::ser::Formatter for PythonSeparators {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}

/// Replaces `{% generation %} … {% endgeneration %}` by `{% if true %} … {% endif %}`: the tag of `transformers` marks
/// the assistant's text for training masks and renders its content unchanged.
fn without_generation_tags(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        text.push_str(before);
        let end = tag.find("%}").map_or(tag.len(), |end| end + 2);
        let (tag, after) = tag.split_at(end);
        let inside = tag.trim_start_matches("{%").trim_end_matches("%}");
        let word = inside.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        match word {
            "generation" => text.push_str(&tag.replace(word, "if true")),
            "endgeneration" => text.push_str(&tag.replace(word, "endif")),
            _ => text.push_str(tag),
        }
        rest = after;
    }
    text + rest
}
