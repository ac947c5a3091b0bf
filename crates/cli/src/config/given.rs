//! The settings that a user gave, as a run folder keeps them.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use laser::checkpoint::write_atomically;
use serde_yaml_ng::{Mapping, Value};

use super::file::COMMAND;
use crate::shell::quoted;

/// Name of the file with the settings of a run, in its folder.
pub(crate) const RUN_SETTINGS: &str = "settings.yaml";

/// Flags that say how a command runs rather than what it computes. A run that goes on takes them from its new command line.
const OF_THE_PROCESS: [&str; 19] = [
    "help",
    "version",
    "config",
    "resume",
    "force",
    "quiet",
    "verbose",
    "json",
    "color",
    "dry_run",
    "no_menu",
    "threads",
    "cache_dir",
    "cache_size",
    "offline",
    "no_cache",
    "out",
    "workers",
    "launcher_options",
];

/// Settings of a command that its user gave, on the command line or in a file, without those of
/// the process such as `--quiet`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    entries: Mapping,
    command: String,
}

impl Given {
    /// The settings among the arguments of the command that was chosen.
    pub(crate) fn of(command: &Command, matches: &ArgMatches) -> Self {
        let Some((command, matches)) = super::leaf(command, matches) else {
            return Self { entries: Mapping::new(), command: String::new() };
        };
        let mut entries = Mapping::new();
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let known = matches.try_contains_id(id).is_ok();
            if !known || OF_THE_PROCESS.contains(&id) || matches.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            let key = argument.get_long().unwrap_or(id).to_owned();
            entries.insert(key.into(), value(argument, matches));
        }
        Self { entries, command: command.get_name().to_owned() }
    }

    /// Writes the settings into a run folder, over those that it has.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let mut whole = Mapping::new();
        whole.insert(COMMAND.into(), self.command.clone().into());
        whole.extend(self.entries.clone());
        let header =
            "# The settings of this run. `--resume` with this folder goes on with them; `--config` takes this file.\n"
                .to_owned();
        let text = header + &serde_yaml_ng::to_string(&whole)?;
        let path = folder.join(RUN_SETTINGS);
        write_atomically(&path, text.as_bytes()).with_context(|| path.display().to_string())
    }

    /// Checks that a folder with results has them of these settings.
    ///
    /// # Errors
    /// Results of other settings, which are named, or of unknown ones.
    pub(crate) fn check_same(&self, folder: &Path) -> Result<()> {
        let path = folder.join(RUN_SETTINGS);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let Ok(Value::Mapping(mut stored)) = serde_yaml_ng::from_str(&text) else {
            bail!("{}: expected a new folder, found results of unknown settings", folder.display());
        };
        let command = stored.remove(COMMAND);
        if command.as_ref().and_then(Value::as_str) != Some(&self.command) {
            bail!("{}: expected a new folder, found results of another command", folder.display());
        }
        let keys: BTreeSet<&str> = stored.keys().chain(self.entries.keys()).filter_map(Value::as_str).collect();
        let shown = |value: Option<&Value>| {
            let yaml = value.and_then(|value| serde_yaml_ng::to_string(value).ok());
            yaml.map_or_else(|| "not given".to_owned(), |yaml| yaml.trim().to_owned())
        };
        let differing = keys.into_iter().filter(|key| stored.get(*key) != self.entries.get(*key));
        let told: Vec<String> = differing
            .map(|key| format!("--{key} was {}, is now {}", shown(stored.get(key)), shown(self.entries.get(key))))
            .collect();
        if !told.is_empty() {
            bail!("{}: the folder holds other results: {}", folder.display(), told.join("; "));
        }
        Ok(())
    }

    /// An action that writes the settings into a run folder. What it cannot write is missed only by somebody who resumes the
    /// run without its settings.
    pub(crate) fn writer(&self, folder: &Path) -> impl FnOnce() + Send + 'static {
        let (given, folder) = (self.clone(), folder.to_owned());
        move || {
            let _ = given.write(&folder);
        }
    }

    /// The whole command line that gives these settings.
    pub(crate) fn command_line(&self) -> String {
        let mut words = vec!["laser".to_owned(), self.command.clone()];
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => serde_yaml_ng::to_string(other).unwrap_or_default().trim().to_owned(),
        };
        for (key, value) in &self.entries {
            let key = key.as_str().unwrap_or_default();
            match value {
                Value::Bool(true) => words.push(format!("--{key}")),
                Value::Sequence(values) => {
                    words.extend(values.iter().flat_map(|value| [format!("--{key}"), quoted(&text(value))]));
                }
                value if ["model", "what"].contains(&key) => words.push(quoted(&text(value))),
                value => words.extend([format!("--{key}"), quoted(&text(value))]),
            }
        }
        words.join(" ")
    }
}

/// The value of an argument, as YAML: the text that the user wrote, a list where the flag repeats.
fn value(argument: &Arg, matches: &ArgMatches) -> Value {
    let id = argument.get_id().as_str();
    match argument.get_action() {
        ArgAction::SetTrue => return true.into(),
        ArgAction::Count => return u64::from(matches.get_count(id)).into(),
        _ => {}
    }
    let raw = matches.get_raw(id).into_iter().flatten();
    let mut values: Vec<Value> = raw.map(|value| value.to_string_lossy().into_owned().into()).collect();
    let repeats = matches!(argument.get_action(), ArgAction::Append) && argument.get_value_delimiter().is_none();
    match (repeats, values.len()) {
        (false, 1) => values.remove(0),
        (false, _) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",").into(),
        (true, _) => values.into(),
    }
}
