//! Reads `filter_list` of a task file: named pipelines of filters that a generated text passes before it is compared.

use super::keys::KeyReader;
use super::output_type::OutputType;
use super::python_regex;
use crate::error::Result;
use crate::filter::{Filter, Filters, Pipeline};

/// The harness's default for `regex_pattern`.
const DEFAULT_PATTERN: &str = r"#### (\-?[0-9\.\,]+)";
/// The harness's default for `fallback`, the text that replaces a text without a match.
const DEFAULT_FALLBACK: &str = "[invalid]";

/// Reads `filter_list`; without it there are no pipelines.
///
/// # Errors
/// A pipeline without a name, with the name of another, or without `take_first` at its end; a function or an option
/// that is not supported.
pub(super) fn read(keys: &mut KeyReader<'_>, output_type: OutputType) -> Result<Filters> {
    let mut pipelines = Vec::<Pipeline>::new();
    for mut entry in keys.list("filter_list")?.unwrap_or_default() {
        let name = entry.text("name")?.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| entry.error("name", "expected a text, found nothing"))?;
        if pipelines.iter().any(|pipeline| pipeline.name == name) {
            return Err(entry.error("name", format!("expected different names, found `{name}` twice")));
        }
        let functions = entry.list("filter")?.unwrap_or_default();
        let count = functions.len();
        let mut filters = Vec::new();
        for (i, function) in functions.into_iter().enumerate() {
            filters.extend(filter(function, i + 1 == count, output_type)?);
        }
        if count == 0 {
            return Err(entry.error("filter", "expected functions with `take_first` as the last, found none"));
        }
        entry.finish()?;
        pipelines.push(Pipeline { name, filters });
    }
    Ok(Filters { pipelines })
}

/// Reads one function of a pipeline. `None` for `take_first`: only one text is generated for an item, so there is
/// nothing to choose from.
fn filter(mut keys: KeyReader<'_>, last: bool, output_type: OutputType) -> Result<Option<Filter>> {
    let name = keys.text("function")?.unwrap_or_default();
    if last != (name == "take_first") {
        return Err(keys
            .error("function", format!("expected `take_first` as the last function and only there, found `{name}`")));
    }
    if !last && output_type != OutputType::GenerateUntil {
        return Err(keys.error("function", format!("expected `take_first` alone for likelihoods, found `{name}`")));
    }
    let filter = match name.as_str() {
        "take_first" => None,
        "remove_whitespace" => Some(Filter::RemoveWhitespace),
        "lowercase" => Some(Filter::Lowercase),
        "regex" => Some(regex(&mut keys)?),
        other => {
            let problem = format!("expected regex, take_first, remove_whitespace or lowercase, found `{other}`");
            return Err(keys.error("function", problem));
        }
    };
    keys.finish()?;
    Ok(filter)
}

/// Reads the options of the function `regex`.
fn regex(keys: &mut KeyReader<'_>) -> Result<Filter> {
    let pattern = keys.text("regex_pattern")?.unwrap_or_else(|| DEFAULT_PATTERN.to_owned());
    let regex = python_regex::compile(&pattern).map_err(|problem| keys.error("regex_pattern", problem))?;
    let from_end = match keys.integer("group_select")? {
        None | Some(0) => false,
        Some(-1) => true,
        Some(n) => {
            let problem = format!("expected 0 (the first match) or -1 (the last), found {n}");
            return Err(keys.error("group_select", problem));
        }
    };
    let fallback = keys.text("fallback")?.unwrap_or_else(|| DEFAULT_FALLBACK.to_owned());
    Ok(Filter::Regex { regex: Box::new(regex), from_end, fallback })
}
