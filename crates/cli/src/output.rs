//! Printing: results to stdout, everything else to stderr.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use laser::{RequestedEdit, ScoredTasks, Session};

use crate::args::{Arguments, Global};

/// Prints a result. A closed pipe (`laser … | head`) is not an error.
pub(crate) fn result(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// Prints a result as JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<()> {
    result(&serde_json::to_string_pretty(value)?)
}

/// Says something on stderr, unless the user wants quiet.
pub(crate) fn say(global: &Global, text: &str) {
    if !global.quiet {
        line(text);
    }
}

/// Says why the command could not run. Settings of the library are named by their flags.
pub(crate) fn failure(error: &anyhow::Error) {
    let mut shown: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = describe(cause);
        // A cause that its consequence quotes already is not repeated.
        if shown.iter().all(|consequence| !consequence.contains(&text)) {
            line(&if shown.is_empty() { format!("error: {text}") } else { format!("  because {text}") });
            shown.push(text);
        }
    }
}

/// The text of an error; `--data: …` for an error of the setting `data`, if that is a flag of any command.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    let setting = if let Some(error) = error.downcast_ref::<laser::Error>() {
        error.as_setting()
    } else if let Some(laser::task::Error::Setting { setting, problem }) = error.downcast_ref() {
        Some((setting.as_str(), problem.as_str()))
    } else if let Some(laser_sokoban::Error::Setting { setting, problem }) = error.downcast_ref() {
        Some((setting.as_str(), problem.as_str()))
    } else if let Some(laser_lab::Error::Sokoban(laser_sokoban::Error::Setting { setting, problem })) =
        error.downcast_ref()
    {
        Some((setting.as_str(), problem.as_str()))
    } else if let Some(laser::model::Error::Setting { setting, problem }) = error.downcast_ref() {
        Some((setting.as_str(), problem.as_str()))
    } else if let Some(laser_lab::Error::Setting { setting, problem }) = error.downcast_ref() {
        Some((*setting, problem.as_str()))
    } else if let Some(laser_lab::Error::Laser(error)) = error.downcast_ref() {
        error.as_setting()
    } else {
        None
    };
    match setting {
        Some((setting, problem)) if is_flag(setting) => name_flags(format!("--{setting}: {problem}")),
        _ => name_flags(text),
    }
}

/// Replaces the library's words "the setting `data`" by the flag, `--data`.
fn name_flags(mut text: String) -> String {
    const WORDS: &str = "the setting `";
    while let Some(start) = text.find(WORDS) {
        let name_start = start + WORDS.len();
        let Some(length) = text[name_start..].find('`') else { break };
        let flag = format!("--{}", &text[name_start..name_start + length]);
        text.replace_range(start..=name_start + length, &flag);
    }
    text
}

fn is_flag(name: &str) -> bool {
    fn has_flag(command: &clap::Command, name: &str) -> bool {
        command.get_arguments().any(|argument| argument.get_long() == Some(name))
            || command.get_subcommands().any(|command| has_flag(command, name))
    }
    has_flag(&Arguments::command(), name)
}

/// A line on stderr.
pub(crate) fn line(text: &str) {
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A table with aligned columns; the first row is the header, columns of numbers are aligned to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows);
    let starts_a_number = |x: &String| x.is_empty() || x.starts_with(|c: char| c.is_ascii_digit() || "+-−".contains(c));
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if rows.len() > 1 && rows.iter().skip(1).all(|row| row.get(i).is_none_or(starts_a_number)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Says on stderr what a user should know about the files of a model.
pub(crate) fn describe_model(global: &Global, session: &Session) {
    session.notes().iter().for_each(|note| say(global, note));
}

/// Says on stderr what a user should know about the files of a model, where the data of tasks is from, and which records
/// were left out.
pub(crate) fn describe_tasks(global: &Global, session: &Session, tasks: &ScoredTasks) {
    // The tokenizer has been read for the tasks, so that its notes are among these.
    describe_model(global, session);
    for (task, _) in tasks.iter() {
        if let Some(origin) = task.data.as_deref().filter(|origin| origin.starts_with("hf:")) {
            say(global, &format!("data of {}: {origin}", task.name));
        }
    }
    tasks.notes().into_iter().for_each(|note| say(global, &name_flags(note)));
}

/// The exit code of a command that did its work with an edit: 1 where the recipe was made for another model.
pub(crate) fn exit_code(edit: Option<&RequestedEdit>) -> ExitCode {
    if edit.is_some_and(|edit| edit.is_foreign) {
        line("check failed: the recipe was made for other model files (its base_model.sha256 differs)");
        return ExitCode::from(1);
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    #[test]
    fn settings_in_messages_become_flags() {
        let text = "no data (the setting `data` names a file, the setting `max-tokens` a length)".to_owned();
        assert_eq!(super::name_flags(text), "no data (--data names a file, --max-tokens a length)");
        assert_eq!(super::name_flags("the setting `open".to_owned()), "the setting `open");
    }

    #[test]
    fn numbers_go_right_and_texts_left() {
        let rows = [["name", "n"], ["a", "10"], ["long", "2"]].map(|r| r.map(str::to_owned).to_vec());
        assert_eq!(super::table(&rows), "name   n\na     10\nlong   2");
    }
}
