//! `laser ask`: what a model says, with and without an edit.

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use laser::session::{AskedModels, Reply, ReplyOptions};
use laser::task::Turn;
use laser::task::chat::ChatSettings;
use serde_json::json;

use crate::args::{Ask, Global};
use crate::progress::Progress;
use crate::{output, plan};

pub(super) fn run(args: &Ask, global: &Global, progress: &Arc<Progress>) -> Result<ExitCode> {
    let session = plan::open(&args.model.model, global, progress)?;
    output::describe_model(global, &session);
    let requested = args.edit.as_deref().map(|text| session.edit(text)).transpose()?;
    let truncation = plan::truncation(&session, &args.svd, requested.as_ref())?;
    let edit = requested.as_ref().map(|requested| requested.edit.clone()).unwrap_or_default();
    let chat = args.chat.then(|| ChatSettings { system: args.system_instruction.clone(), date: None });
    let models = session.ask(&edit, &truncation, chat)?;
    let mut talk = Talk {
        models,
        options: ReplyOptions { max_tokens: args.max_tokens, top: args.top },
        turns: Default::default(),
    };
    let show = |talk: &mut Talk<'_>, prompt: &str| -> Result<()> {
        let (base, edited) = talk.ask(prompt, args.chat)?;
        progress.clear();
        if global.json {
            output::result(
                &json!({"prompt": prompt, "edit": edit.to_string(), "base": base, "edited": edited}).to_string(),
            )
        } else {
            output::result(&side_by_side(&base, edited.as_ref(), &edit.to_string()))
        }
    };
    match &args.prompt {
        Some(prompt) => show(&mut talk, prompt)?,
        None => {
            output::say(global, "one prompt a line; an empty line or the end of the input ends");
            for line in std::io::stdin().lock().lines() {
                let line = line.context("stdin: expected lines of text")?;
                if line.trim().is_empty() || progress.is_stopped() {
                    break;
                }
                show(&mut talk, &line)?;
            }
        }
    }
    Ok(output::exit_code(requested.as_ref()))
}

/// A conversation with the unedited and one with the edited model: each has its own answers.
struct Talk<'a> {
    models: AskedModels<'a>,
    options: ReplyOptions,
    /// Turns so far, of the unedited and of the edited model.
    turns: [Vec<Turn>; 2],
}

impl Talk<'_> {
    /// Asks both models; in a `conversation` they remember it.
    fn ask(&mut self, prompt: &str, conversation: bool) -> Result<(Reply, Option<Reply>)> {
        for turns in &mut self.turns {
            turns.push(Turn::new("user", prompt));
        }
        let base = self.models.base_reply(&self.turns[0], self.options)?;
        let edited = self.models.edited_reply(&self.turns[1], self.options)?;
        for (turns, reply) in self.turns.iter_mut().zip([Some(&base), edited.as_ref()]) {
            match reply.filter(|_| conversation) {
                Some(reply) => turns.push(Turn::new("assistant", reply.text.trim())),
                None => turns.clear(),
            }
        }
        Ok((base, edited))
    }
}

/// Both texts and both lists of tokens, those of the edited model beside those of the unedited one.
fn side_by_side(base: &Reply, edited: Option<&Reply>, edit: &str) -> String {
    let text = |reply: &Reply| reply.text.trim().to_owned();
    let Some(edited) = edited else {
        let rows: Vec<Vec<String>> = std::iter::once(vec!["next token".to_owned(), "%".to_owned()])
            .chain(base.next.iter().map(|token| vec![format!("{:?}", token.text), percent(token.probability)]))
            .collect();
        return format!("{}\n\n{}", text(base), output::table(&rows));
    };
    let mut rows = vec![["without", "%", "with", "%"].map(str::to_owned).to_vec()];
    for (a, b) in base.next.iter().zip(&edited.next) {
        rows.push(vec![
            format!("{:?}", a.text),
            percent(a.probability),
            format!("{:?}", b.text),
            percent(b.probability),
        ]);
    }
    format!(
        "without the edit:\n  {}\nwith {edit}:\n  {}\n\nnext token\n{}",
        text(base),
        text(edited),
        output::table(&rows)
    )
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}
