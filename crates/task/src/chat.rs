//! Chat templates: takes a task and a model's own Jinja template, gives the task with its prompts as a user's turn.
//!
//! Stands between `task` and `evaluate`. The template is rendered as `transformers` does it (`apply_chat_template` with
//! `add_generation_prompt`), so that the answer is what the assistant would say first. As in lm-evaluation-harness,
//! nothing stands between the rendered text and an answer, a task's `description` becomes the system's turn, examples
//! stay in the user's, and no beginning token is added to a text that begins with it.

mod date;
pub(crate) mod error;
mod template;

use minijinja::{Environment, context};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::join::{Boundary, Join};
use crate::score::Score;
use crate::task::{Item, Task};
use laser_model::config::ModelConfig;
use laser_model::tokenizer::Tokenizer;

pub use date::Date;
pub use error::ChatError;

/// Longest rendered text, in bytes: beyond any model's context.
const MAX_RENDERED: usize = 16 << 20;

/// What a conversation begins with, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatSettings {
    /// The system's turn before the user's.
    pub system: Option<String>,
    /// Today, for templates that say it.
    pub date: Option<Date>,
}

/// A model's chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    env: Environment<'static>,
    /// Names and texts of special tokens, as templates know them.
    tokens: Vec<(&'static str, String)>,
    settings: ChatSettings,
    /// SHA-256 of the template's text, hexadecimal.
    pub sha256: String,
}

impl ChatTemplate {
    /// The template of a model.
    ///
    /// # Errors
    /// A model that does not continue texts, or has no template, or one that is too large or no Jinja.
    pub fn new(tokenizer: &Tokenizer, config: &ModelConfig, settings: ChatSettings) -> Result<Self> {
        config.check_continues_texts()?;
        let source = tokenizer.chat_template().ok_or(ChatError::Absent)?;
        Self::of(source, tokenizer.special_texts(), settings)
    }

    fn of(source: &str, tokens: Vec<(&'static str, String)>, settings: ChatSettings) -> Result<Self> {
        let env = template::environment(source, settings.date)?;
        let sha256 = hex::encode(Sha256::digest(source));
        Ok(Self { env, tokens, settings, sha256 })
    }

    /// What the template makes of a question, up to where the assistant's answer begins; `system`: a turn before it.
    ///
    /// # Errors
    /// What the template raises; a text or a rendering without end.
    pub fn render(&self, system: Option<&str>, question: &str) -> Result<String, String> {
        let turn = |role: &str, content: &str| context! { role => role, content => content };
        let messages: Vec<_> =
            system.map(|text| turn("system", text)).into_iter().chain([turn("user", question)]).collect();
        let tokens: minijinja::Value = self.tokens.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let template = self.env.get_template(template::NAME).expect("it was added when this was made");
        let mut text = Bounded(Vec::new());
        let variables = context! {
            messages => messages,
            tools => (),
            documents => (),
            add_generation_prompt => true,
            ..tokens
        };
        match template.render_captured_to(variables, &mut text) {
            Ok(_) => Ok(String::from_utf8(text.0).expect("a template writes UTF-8 because its parts are")),
            Err(_) if text.0.len() > MAX_RENDERED => Err(format!("it writes more than {MAX_RENDERED} bytes")),
            Err(e) if e.kind() == minijinja::ErrorKind::OutOfFuel => Err("it does not come to an end".to_owned()),
            Err(e) => Err(e.to_string()),
        }
    }

    /// The task with every prompt rendered, for a score; texts that are only read stay as they are.
    ///
    /// The line end before an answer is the template's, so prompt and answer are encoded apart; only where the harness's
    /// rule was asked for it counts as the answer's, as it does there.
    ///
    /// # Errors
    /// An item whose rendering fails, by its id.
    pub fn apply(&self, task: Task, score: Score) -> Result<Task> {
        if score.only_reads() {
            return Ok(task);
        }
        // The harness makes a description, which stands before every prompt, part of the system's turn.
        let config = |key: &str| task.config.get(key).and_then(Value::as_str);
        let description = config("description")
            .filter(|text| !text.is_empty() && task.items.iter().all(|item| item.prompt.starts_with(text)))
            .unwrap_or_default();
        let system = match (self.settings.system.as_deref(), description) {
            (system, "") => system.map(str::to_owned),
            (None, description) => Some(description.to_owned()),
            (Some(system), description) => {
                Some([system, description].join(config("fewshot_delimiter").unwrap_or("\n\n")))
            }
        };
        let rendered = |item: &Item| -> Result<Item> {
            let prompt = self
                .render(system.as_deref(), &item.prompt[description.len()..])
                .map_err(|reason| ChatError::Render { item: item.id.clone(), reason })?;
            Ok(Item { prompt, ..item.clone() })
        };
        let items = task.items.iter().map(rendered).collect::<Result<Vec<Item>>>()?;
        let begin = self.tokens.iter().find(|(name, _)| *name == "bos_token").map(|(_, text)| text.as_str());
        let begun = begin.is_some_and(|begin| items.iter().all(|item| item.prompt.starts_with(begin)));
        let boundary = match task.join.boundary {
            // Who asks for the next token alone would ask for that line end.
            Boundary::Harness if score == Score::Top1 => Boundary::Apart,
            Boundary::Joint => Boundary::Apart,
            boundary => boundary,
        };
        let join = Join { delimiter: String::new(), boundary, special: task.join.special && !begun };
        Ok(Task { items, join, ..task })
    }

    /// What it was rendered with, by the names under which a manifest keeps it.
    pub fn record(&self) -> Vec<(&'static str, Value)> {
        let mut record =
            vec![("apply_chat_template", true.into()), ("chat_template_sha256", self.sha256.clone().into())];
        record.extend(self.settings.system.clone().map(|text| ("system_instruction", text.into())));
        record.extend(self.settings.date.map(|date| ("chat_date", date.to_string().into())));
        record
    }
}

/// Takes what is written up to a bound.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(&bytes[..bytes.len().min(MAX_RENDERED + 1)]);
        if self.0.len() > MAX_RENDERED { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
