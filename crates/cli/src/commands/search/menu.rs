//! Menu after a search on a terminal. Every choice is also a command, which it shows.

use std::io::IsTerminal;

use anyhow::Result;
use inquire::{InquireError, Select, Text};
use laser::session::ReplyOptions;
use laser::task::Turn;

use super::Outcome;
use crate::output;

/// Number of flips of each direction that are shown.
const FLIPS: usize = 10;

const SHOW: &str = "show the answers that changed";
const ASK: &str = "ask the edited model";
const FOLDER: &str = "write it as a folder";
const GGUF: &str = "write it as a .gguf file";
const LONGER: &str = "how to search longer";
const QUIT: &str = "quit";

/// Offers what a user may do next, until they quit. Does nothing unless stdin, stdout and stderr are terminals.
pub(super) fn offer(outcome: &Outcome<'_>) -> Result<()> {
    let is_terminal =
        std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    if !is_terminal {
        return Ok(());
    }
    let has_edit = !outcome.found.edit().is_empty();
    let mut choices = vec![QUIT, LONGER];
    if has_edit {
        choices = vec![QUIT, SHOW, ASK, FOLDER, GGUF, LONGER];
    }
    loop {
        let choice = match Select::new("What next?", choices.clone()).prompt() {
            Ok(choice) => choice,
            Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let done = match choice {
            SHOW => show_flips(outcome),
            ASK => ask(outcome),
            FOLDER => write(outcome, "better"),
            GGUF => write(outcome, "better.gguf"),
            LONGER => longer(outcome),
            _ => return Ok(()),
        };
        // A choice that fails, such as a folder that exists, is no reason to end.
        if let Err(error) = done {
            output::failure(&error);
        }
    }
}

fn show_flips(outcome: &Outcome<'_>) -> Result<()> {
    let pairs = outcome.found.base_samples.iter().zip(&outcome.found.samples);
    let on_test = pairs.filter(|(base, _)| base.split == laser::statistics::Split::Test);
    let flipped: Vec<_> = on_test.filter(|(base, best)| base.acc != best.acc).collect();
    for (title, right) in [("turned right:", true), ("turned wrong:", false)] {
        output::result(title)?;
        for (base, best) in flipped.iter().filter(|(_, best)| best.is_right() == right).take(FLIPS) {
            let said = |sample: &laser::results::SampleRecord| {
                sample.continuation.clone().unwrap_or_else(|| sample.prediction.clone())
            };
            let text = format!(
                "  {}\n      before: {}\n      after:  {}\n      gold:   {}",
                base.prompt.trim(),
                said(base).trim(),
                said(best).trim(),
                base.target
            );
            output::result(&text)?;
        }
    }
    Ok(())
}

fn ask(outcome: &Outcome<'_>) -> Result<()> {
    output::result(&format!(
        "laser ask {} --edit {}/recipe.yaml",
        outcome.args.model.model,
        outcome.args.out.display()
    ))?;
    let truncation = outcome.session.truncation(outcome.svd());
    let models = outcome.session.ask(outcome.found.edit(), &truncation, None)?;
    loop {
        let Some(prompt) = Text::new("prompt (empty: back)").prompt_skippable()?.filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        let options = ReplyOptions { max_tokens: 40, top: 0 };
        let turns = [Turn::new("user", &prompt)];
        let base = models.base_reply(&turns, options)?;
        output::result(&format!("  without: {}", base.text.trim()))?;
        if let Some(edited) = models.edited_reply(&turns, options)? {
            output::result(&format!("  with:    {}", edited.text.trim()))?;
        }
    }
}

fn write(outcome: &Outcome<'_>, suggestion: &str) -> Result<()> {
    let Some(path) = Text::new("where to").with_default(suggestion).prompt_skippable()? else { return Ok(()) };
    let path = std::path::PathBuf::from(path);
    let written = outcome.found.apply(outcome.session)?.write(&path)?;
    written.notes.iter().for_each(|note| output::line(note));
    output::result(&format!("wrote {}", path.display()))
}

fn longer(outcome: &Outcome<'_>) -> Result<()> {
    output::result("A finished search is its own result. For a wider one, into another folder:")?;
    output::result(&format!(
        "  {} --candidates 60 --finalists 32 --greedy-passes 4 --out wider",
        outcome.command_line()
    ))
}

impl Outcome<'_> {
    /// The command line of the search, without its folder.
    fn command_line(&self) -> String {
        self.given.command_line()
    }

    fn svd(&self) -> laser::edit::truncation::SvdMethod {
        self.found.recipe.svd
    }
}
