//! Asks a session's model, and an edit of it, for continuations of prompts and for answers in a conversation.

use laser_model::Model;
use laser_task::chat::{ChatSettings, ChatTemplate};
use laser_task::{Boundary, Item, Join, Match, Score, Task, Turn};
use serde::Serialize;

use super::Session;
use super::likely_tokens::likely_tokens;
use crate::edit::Edit;
use crate::edit::truncation::Truncation;
use crate::error::Result;
use crate::evaluate::{Evaluator, RunContext};
use crate::explain::LikelyToken;

/// Text of a model after a prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// The text, without the token that ends it.
    pub text: String,
    /// The likeliest first tokens.
    pub next: Vec<LikelyToken>,
}

/// Lengths of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyOptions {
    /// Longest text, in tokens.
    pub max_tokens: usize,
    /// Number of likely first tokens.
    pub top: usize,
}

/// A loaded model and, beside it, an edit of it, both ready to be asked.
#[derive(Debug)]
pub struct AskedModels<'a> {
    session: &'a Session,
    base: Model,
    edited: Option<Model>,
    chat: Option<ChatTemplate>,
}

impl Session {
    /// Loads the model, and applies `edit` by `truncation` to a second view of it unless it is empty. With `chat`, prompts are turns of a
    /// conversation.
    ///
    /// # Errors
    /// A model that does not continue texts, an edit that cannot be applied, or a chat template that is missing or cannot be
    /// read.
    pub fn ask(&self, edit: &Edit, truncation: &Truncation, chat: Option<ChatSettings>) -> Result<AskedModels<'_>> {
        self.config().check_continues_texts()?;
        let tokenizer = self.tokenizer()?;
        let chat = chat.map(|settings| ChatTemplate::new(tokenizer, self.config(), settings)).transpose()?;
        let base = self.load()?;
        let edited = match edit.is_empty() {
            true => None,
            false => Some(truncation.apply(&base, edit)?.0),
        };
        Ok(AskedModels { session: self, base, edited, chat })
    }
}

impl AskedModels<'_> {
    /// The unedited model's reply to the turns of a conversation, or to the text of the last of them if the models were loaded
    /// without chat.
    ///
    /// # Errors
    /// No turns, a prompt without tokens or too long for the model, or a chat template that refuses the turns.
    pub fn base_reply(&self, turns: &[Turn], options: ReplyOptions) -> Result<Reply> {
        self.reply(&self.base, turns, options)
    }

    /// As [`AskedModels::base_reply`], of the edited model; `None` without an edit.
    ///
    /// # Errors
    /// As [`AskedModels::base_reply`].
    pub fn edited_reply(&self, turns: &[Turn], options: ReplyOptions) -> Result<Option<Reply>> {
        self.edited.as_ref().map(|model| self.reply(model, turns, options)).transpose()
    }

    fn reply(&self, model: &Model, turns: &[Turn], options: ReplyOptions) -> Result<Reply> {
        let (prompt, join) = match &self.chat {
            Some(chat) => {
                let rendered = chat.render_conversation(turns)?;
                let special = !chat.begins(&rendered);
                (rendered, Join { delimiter: String::new(), boundary: Boundary::Apart, special })
            }
            None => (turns.last().map_or_else(String::new, |turn| turn.content.clone()), Join::default()),
        };
        self.session.continuation(model, prompt, join, options)
    }
}

impl Session {
    /// The reply of a model that this session loaded, or of an edit of it, to a text.
    ///
    /// # Errors
    /// A model that does not continue texts, or a prompt without tokens or too long for the model.
    pub fn reply(&self, model: &Model, prompt: &str, options: ReplyOptions) -> Result<Reply> {
        self.config().check_continues_texts()?;
        self.continuation(model, prompt.to_owned(), Join::default(), options)
    }

    /// The likeliest tokens after a text of a model that this session loaded, or of an edit of it.
    ///
    /// # Errors
    /// As [`Session::reply`].
    pub fn next_tokens(&self, model: &Model, prompt: &str, top: usize) -> Result<Vec<LikelyToken>> {
        self.config().check_continues_texts()?;
        let task = prompt_task(prompt.to_owned(), Join::default(), 1)?;
        let evaluator = Evaluator::new(&[(&task, task.default_score)], self.tokenizer()?, self.config())?;
        self.likeliest(model, &evaluator, top)
    }

    fn continuation(&self, model: &Model, prompt: String, join: Join, options: ReplyOptions) -> Result<Reply> {
        let task = prompt_task(prompt, join, options.max_tokens)?;
        let evaluator = Evaluator::new(&[(&task, task.default_score)], self.tokenizer()?, self.config())?;
        let context = RunContext { threads: self.threads(), stage: "answer", observer: &*self.options.observer };
        let outcomes = evaluator.evaluate(model, &[0], context)?;
        let next = if options.top == 0 { Vec::new() } else { self.likeliest(model, &evaluator, options.top)? };
        let text = outcomes.into_iter().next().map_or_else(String::new, |outcome| outcome.prediction);
        Ok(Reply { text, next })
    }

    /// The likeliest tokens after the only prompt of an evaluator.
    fn likeliest(&self, model: &Model, evaluator: &Evaluator<'_>, top: usize) -> Result<Vec<LikelyToken>> {
        let tokens = &evaluator.answer_start(0).inputs;
        let logits = model.next_token_logits(&[tokens], self.threads())?; // [1, vocab]
        likely_tokens(&logits.flatten_all()?.to_vec1()?, top, self.tokenizer()?)
    }
}

/// A task with one prompt, which a model continues with at most `max_tokens` tokens, at least one.
fn prompt_task(prompt: String, join: Join, max_tokens: usize) -> Result<Task> {
    // Nothing is scored: the answer only completes the item.
    let item = Item { id: "prompt".to_owned(), prompt, answers: vec!["?".to_owned()], ..Item::default() };
    // Under this rule a text goes on although it has the answer.
    let score = Score::Generate { max_tokens: max_tokens.max(1), matching: Match::Exact };
    Ok(Task { join, ..Task::new("prompt".to_owned(), vec![item], score)? })
}
