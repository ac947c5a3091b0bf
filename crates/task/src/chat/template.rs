//! Jinja as `transformers` sets it up: takes a template's text, gives what renders it.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use serde::Serialize;

use super::{ChatError, Date};

/// Longest template. The largest of known models (with tools and several modes) has under 20 kB.
const MAX_BYTES: usize = 1 << 20;
/// Steps of one rendering; a conversation of a turn or two takes hundreds.
const FUEL: u64 = 200_000;
/// The name under which the environment holds the template.
pub(super) const NAME: &str = "chat template";

/// An environment that holds the template.
pub(super) fn environment(source: &str, date: Option<Date>) -> Result<Environment<'static>, ChatError> {
    if source.len() > MAX_BYTES {
        return Err(ChatError::TooLarge { limit: MAX_BYTES, found: source.len() });
    }
    let mut env = Environment::new();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    env.set_formatter(|out, state, value| match value.kind() {
        ValueKind::Bool => out.write_str(if value.is_true() { "True" } else { "False" }).map_err(Error::from),
        ValueKind::None => out.write_str("None").map_err(Error::from),
        ValueKind::Seq | ValueKind::Map => Err(invalid("prints a list or a mapping as Python would; use tojson")),
        _ => minijinja::escape_formatter(out, state, value),
    });
    env.add_filter("tojson", tojson);
    env.add_function("raise_exception", |message: String| -> Result<Value, Error> { Err(invalid(message)) });
    env.add_function("strftime_now", move |format: String| -> Result<String, Error> {
        let date =
            date.ok_or_else(|| invalid("strftime_now asks for today's date; give one as --chat-date YYYY-MM-DD"))?;
        date.format(&format).map_err(|c| invalid(format!("strftime_now does not know %{c}")))
    });
    let source = without_generation_tags(source);
    env.add_template_owned(NAME, source).map_err(|e| ChatError::Syntax(e.to_string()))?;
    Ok(env)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// JSON as Python's `json.dumps(…, ensure_ascii=False)` writes it, which is what `transformers` puts in the place of
/// Jinja's own filter: a space after commas and colons, nothing escaped for HTML.
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
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Spaced)),
    };
    written.map_err(|e| invalid(format!("tojson: {e}")))?;
    Ok(String::from_utf8(bytes).expect("JSON is UTF-8 because serde_json writes it so"))
}

/// Python's separators.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
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

/// `{% generation %} … {% endgeneration %}`, which marks what the assistant says and renders as what is inside, written
/// as a condition that holds.
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
