//! `filter_list`: named pipelines of functions on a generated text.

use super::definition::OutputType;
use super::keys::Keys;
use super::python_regex;
use crate::error::Result;
use crate::filter::{Filter, Filters, Pipeline};

/// The harness's regular expression where a filter names none.
const REGEX: &str = r"#### (\-?[0-9\.\,]+)";
/// What stands for a text in which it finds nothing.
const FALLBACK: &str = "[invalid]";

/// Reads `filter_list`.
pub(super) fn read(keys: &mut Keys<'_>, output_type: OutputType) -> Result<Filters> {
    let mut pipelines = Vec::<Pipeline>::new();
    for mut own in keys.list("filter_list")?.unwrap_or_default() {
        let name = own.text("name")?.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| own.wrong("name", "expected a text, found nothing"))?;
        if pipelines.iter().any(|pipeline| pipeline.name == name) {
            return Err(own.wrong("name", format!("expected different names, found `{name}` twice")));
        }
        let functions = own.list("filter")?.unwrap_or_default();
        let last = functions.len().checked_sub(1);
        let mut filters = Vec::new();
        for (i, function) in functions.into_iter().enumerate() {
            filters.extend(filter(function, Some(i) == last, output_type)?);
        }
        if last.is_none() {
            return Err(own.wrong("filter", "expected functions with `take_first` as the last, found none"));
        }
        own.end()?;
        pipelines.push(Pipeline { name, filters });
    }
    Ok(Filters { pipelines })
}

/// One function; none for `take_first`, since there is one text.
fn filter(mut keys: Keys<'_>, last: bool, output_type: OutputType) -> Result<Option<Filter>> {
    let name = keys.text("function")?.unwrap_or_default();
    if last != (name == "take_first") {
        return Err(keys
            .wrong("function", format!("expected `take_first` as the last function and only there, found `{name}`")));
    }
    if !last && output_type != OutputType::GenerateUntil {
        return Err(keys.wrong("function", format!("expected `take_first` alone for likelihoods, found `{name}`")));
    }
    let filter = match name.as_str() {
        "take_first" => None,
        "remove_whitespace" => Some(Filter::RemoveWhitespace),
        "lowercase" => Some(Filter::Lowercase),
        "regex" => {
            let pattern = keys.text("regex_pattern")?.unwrap_or_else(|| REGEX.to_owned());
            let regex = python_regex::compile(&pattern).map_err(|problem| keys.wrong("regex_pattern", problem))?;
            let from_end = match keys.integer("group_select")? {
                None | Some(0) => false,
                Some(-1) => true,
                Some(n) => {
                    let problem = format!("expected 0 (the first match) or -1 (the last), found {n}");
                    return Err(keys.wrong("group_select", problem));
                }
            };
            let fallback = keys.text("fallback")?.unwrap_or_else(|| FALLBACK.to_owned());
            Some(Filter::Regex { regex: Box::new(regex), from_end, fallback })
        }
        other => {
            let problem = format!("expected regex, take_first, remove_whitespace or lowercase, found `{other}`");
            return Err(keys.wrong("function", problem));
        }
    };
    keys.end()?;
    Ok(filter)
}
