//! Keys and values of a configuration file → arguments.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use laser::task::spelling::nearest;
use serde_yaml_ng::{Mapping, Value};

/// Key that names the command of a file; `laser config` writes it, and a file for another command is refused.
pub(super) const COMMAND: &str = "command";

/// Largest file that is read; a real one has a few kilobytes.
const LARGEST: u64 = 1 << 20;

/// The arguments that `file` adds to those of the command line.
///
/// # Errors
/// As [`super::expand`].
pub(super) fn arguments(command: &Command, matches: &ArgMatches, file: &Path) -> Result<Vec<OsString>> {
    let entries = read(file)?;
    let mut added = Vec::new();
    for (key, value) in &entries {
        let Some(key) = key.as_str() else { bail!("{}: expected a flag as the key, found {key:?}", file.display()) };
        if key == COMMAND {
            check_command(command, value, file)?;
            continue;
        }
        let argument = find(command, key).with_context(|| format!("{}", file.display()))?;
        // `try_contains_id` fails for flags that are added to the help only.
        let known = matches.try_contains_id(argument.get_id().as_str()).is_ok();
        let said = known && matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine);
        if said || value.is_null() {
            continue;
        }
        let texts = texts(argument, value).with_context(|| format!("{}: {key}", file.display()))?;
        added.extend(texts.into_iter().map(OsString::from));
    }
    Ok(added)
}

fn read(file: &Path) -> Result<Mapping> {
    let name = || format!("--config {}", file.display());
    let size = std::fs::metadata(file).with_context(name)?.len();
    if size > LARGEST {
        bail!("{}: expected a file of at most {LARGEST} bytes, found {size}", file.display());
    }
    let text = std::fs::read_to_string(file).with_context(name)?;
    match serde_yaml_ng::from_str(&text).with_context(name)? {
        Value::Mapping(entries) => Ok(entries),
        Value::Null => Ok(Mapping::new()),
        _ => bail!("{}: expected lines such as `max-time: 20m`, one flag each", file.display()),
    }
}

fn check_command(command: &Command, value: &Value, file: &Path) -> Result<()> {
    match value.as_str() {
        Some(name) if name == command.get_name() => Ok(()),
        _ => bail!("{}: expected settings of laser {}, found those of {value:?}", file.display(), command.get_name()),
    }
}

/// The argument that a key names: a flag, with dashes or underscores, or a positional argument.
fn find<'a>(command: &'a Command, key: &str) -> Result<&'a Arg> {
    let name = key.trim_start_matches("--").replace('_', "-");
    let name_of = |argument: &Arg| argument.get_long().map_or_else(|| argument.get_id().to_string(), str::to_owned);
    let is_setting = |argument: &&Arg| !["help", "version", "config"].contains(&argument.get_id().as_str());
    let arguments: Vec<&Arg> = command.get_arguments().filter(is_setting).collect();
    if let Some(found) = arguments.iter().find(|argument| name_of(argument) == name) {
        return Ok(found);
    }
    let names: Vec<String> = arguments.iter().map(|argument| name_of(argument)).collect();
    let meant = nearest(&name, names.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    bail!("laser {} has no flag --{name}{meant}", command.get_name())
}

/// A value as it would be written on the command line.
fn texts(argument: &Arg, value: &Value) -> Result<Vec<String>> {
    let flag = argument.get_long().map(|name| format!("--{name}"));
    match (argument.get_action(), value) {
        (ArgAction::SetTrue, Value::Bool(true)) => Ok(flag.into_iter().collect()),
        (ArgAction::SetTrue, Value::Bool(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, other) => bail!("expected true or false, found {}", scalar(other)?),
        (ArgAction::Count, value) => {
            let count = value.as_u64().filter(|count| *count <= 9);
            let Some(count) = count else { bail!("expected a number from 0 to 9, found {}", scalar(value)?) };
            Ok(std::iter::repeat_n(flag, count as usize).flatten().collect())
        }
        (action, Value::Sequence(values)) => {
            let values = values.iter().map(scalar).collect::<Result<Vec<_>>>()?;
            let repeats = matches!(action, ArgAction::Append) && argument.get_value_delimiter().is_none();
            Ok(match repeats {
                true => values.into_iter().map(|value| written(flag.as_deref(), &value)).collect(),
                false => vec![written(flag.as_deref(), &values.join(","))],
            })
        }
        (_, value) => Ok(vec![written(flag.as_deref(), &scalar(value)?)]),
    }
}

/// One argument, so that a value that begins with a dash stays a value.
fn written(flag: Option<&str>, value: &str) -> String {
    flag.map_or_else(|| value.to_owned(), |flag| format!("{flag}={value}"))
}

fn scalar(value: &Value) -> Result<String> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => {
            bail!("expected a text, a number or a list of them, found {}", serde_yaml_ng::to_string(other)?.trim())
        }
    })
}
