//! A configuration file with every flag of a command.

use clap::{Arg, ArgAction, Command};

use super::file::COMMAND;

/// Columns of a comment.
const WIDTH: usize = 100;

/// A configuration file for `command` with all of its flags: their defaults, and those without one as comments.
pub(crate) fn template(command: &Command) -> String {
    let name = command.get_name();
    let mut text = format!(
        "# Settings of `laser {name}`, for `laser {name} --config FILE`. What the command line says itself wins.\n\
         # Keys that are commented out have no default.\n\n{COMMAND}: {name}\n"
    );
    let mut heading = None;
    let mut arguments: Vec<&Arg> = command.get_arguments().filter(|argument| is_setting(argument)).collect();
    // Positional arguments, such as the model, come first; then one heading after the other.
    let place = |argument: &Arg| (!argument.is_positional(), argument.get_help_heading().map(str::to_owned));
    let order: Vec<_> = arguments.iter().map(|argument| place(argument)).collect();
    arguments.sort_by_key(|argument| order.iter().position(|other| *other == place(argument)));
    for argument in arguments {
        if !argument.is_positional() && heading != argument.get_help_heading() {
            heading = argument.get_help_heading();
            text.push_str(&format!("\n## {}\n", heading.unwrap_or("Other")));
        }
        text.push_str(&entry(argument));
    }
    text
}

fn is_setting(argument: &Arg) -> bool {
    !["help", "version", "config", "resume", "force"].contains(&argument.get_id().as_str()) && !argument.is_hide_set()
}

/// One key with its comment.
fn entry(argument: &Arg) -> String {
    let key = argument.get_long().map_or_else(|| argument.get_id().to_string(), str::to_owned);
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let mut text = String::from("\n");
    for line in wrapped(&help) {
        text.push_str(&format!("# {line}\n"));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let line = match argument.get_action() {
        ArgAction::SetTrue => format!("{key}: false"),
        ArgAction::Count => format!("{key}: 0"),
        _ if !defaults.is_empty() => format!("{key}: {}", in_yaml(&defaults.join(","))),
        _ => format!("# {key}:"),
    };
    text + &line + "\n"
}

/// A text as a YAML scalar on one line.
fn in_yaml(text: &str) -> String {
    if text.parse::<f64>().is_ok() {
        return text.to_owned(); // without the quotes of a text
    }
    serde_yaml_ng::to_string(text).map_or_else(|_| text.to_owned(), |yaml| yaml.trim_end().to_owned())
}

/// The words of a help text in lines of at most [`WIDTH`] columns.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is a first line");
        if !last.is_empty() && last.len() + word.len() >= WIDTH {
            lines.push(word.to_owned());
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}
