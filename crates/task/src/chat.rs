//! Chat templates: takes a task and the model's own Jinja template, gives the task with every prompt as a user turn.
//!
//! Used between opening a task and evaluating it. The template is rendered as by `apply_chat_template` of
//! `transformers` with `add_generation_prompt`, so that the answer is the beginning of the assistant's turn. As in
//! lm-evaluation-harness, the answer follows the rendered text directly, a task's `description` becomes the system
//! turn, few-shot examples stay in the user turn, and no beginning-of-text token is added to a text that begins with
//! it.

mod date;
pub(crate) mod error;
mod template;

use std::error::Error as _;

use minijinja::{Environment, context};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::bounded_template::BoundedTemplate;
use crate::error::{Error, Result};
use crate::join::{Boundary, Join};
use crate::score::Score;
use crate::task::{Item, Task, Turn};
use laser_model::config::ModelConfig;
use laser_model::tokenizer::Tokenizer;

pub use date::Date;
pub use error::{ChatError, RenderError};

/// Settings of a conversation: system text and current date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatSettings {
    /// Text of the system turn before the user turn.
    pub system: Option<String>,
    /// Current date, for templates that print it.
    pub date: Option<Date>,
}

/// A model's chat template with the settings it is rendered with.
#[derive(Debug)]
pub struct ChatTemplate {
    template: BoundedTemplate,
    env: Environment<'static>,
    /// Names of special tokens in templates, such as `bos_token`, with their texts.
    tokens: Vec<(&'static str, String)>,
    settings: ChatSettings,
    /// SHA-256 of the template's text, hexadecimal.
    pub sha256: String,
}

impl ChatTemplate {
    /// Reads the template of a model.
    ///
    /// # Errors
    /// The model is not causal, or its template is missing, too large or not valid Jinja.
    pub fn new(tokenizer: &Tokenizer, config: &ModelConfig, settings: ChatSettings) -> Result<Self> {
        config.check_continues_texts()?;
        let source = tokenizer.chat_template().ok_or(ChatError::Absent)?;
        Self::of(source, tokenizer.special_texts(), settings)
    }

    /// Makes the template of a text; `tokens`: names and texts of special tokens.
    fn of(source: &str, tokens: Vec<(&'static str, String)>, settings: ChatSettings) -> Result<Self> {
        let (template, env) = template::parse(source, settings.date)?;
        let sha256 = hex::encode(Sha256::digest(source));
        Ok(Self { template, env, tokens, settings, sha256 })
    }

    /// Renders a user turn with `question`, after a system turn if `system` is given, up to the beginning of the
    /// assistant's answer.
    ///
    /// # Errors
    /// The template raises an exception, needs a date that is not set, does not finish, or takes too much memory.
    pub fn render(&self, system: Option<&str>, question: &str) -> Result<String, RenderError> {
        let system = system.map(|text| Turn::new("system", text));
        self.render_turns(&system.into_iter().chain([Turn::new("user", question)]).collect::<Vec<_>>())
    }

    /// Renders a conversation, after the system text of the settings, up to the beginning of the assistant's next turn.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`].
    pub fn render_conversation(&self, turns: &[Turn]) -> Result<String> {
        let turns = with_system(turns, self.settings.system.as_deref());
        self.render_turns(&turns).map_err(|error| failed("conversation", error))
    }

    /// True if a rendered text has its beginning-of-text token already.
    pub fn begins(&self, rendered: &str) -> bool {
        let begin = self.tokens.iter().find(|(name, _)| *name == "bos_token").map(|(_, text)| text.as_str());
        begin.is_some_and(|begin| rendered.starts_with(begin))
    }

    /// Renders turns up to the beginning of the assistant's next turn.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`].
    fn render_turns(&self, turns: &[Turn]) -> Result<String, RenderError> {
        let messages: Vec<_> =
            turns.iter().map(|turn| context! { role => turn.role, content => turn.content }).collect();
        let tokens: minijinja::Value = self.tokens.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let variables = context! {
            messages => messages,
            tools => (),
            documents => (),
            add_generation_prompt => true,
            ..tokens
        };
        match self.template.render(&self.env, variables) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == minijinja::ErrorKind::OutOfFuel => {
                Err(RenderError::Failed("it does not come to an end".to_owned()))
            }
            // An error inside a block or macro is the source of another one.
            Err(e) if std::iter::successors(e.source(), |&e| e.source()).any(|e| e.is::<RenderError>()) => {
                Err(RenderError::DateMissing)
            }
            Err(e) => Err(RenderError::Failed(e.to_string())),
        }
    }

    /// Renders every prompt of a task; a task that is scored by perplexity is returned unchanged.
    ///
    /// [`Boundary::Joint`] becomes [`Boundary::Apart`], because a line end before the answer belongs to the template.
    /// [`Boundary::Harness`] is kept, for the harness counts that line end as part of the answer, except for
    /// [`Score::Top1`].
    ///
    /// # Errors
    /// Rendering an item fails, or the template needs a date that is not set; the error names the item.
    pub fn apply(&self, task: Task, score: Score) -> Result<Task> {
        if score.is_perplexity() {
            return Ok(task);
        }
        let (system, description) = self.system_turn(&task);
        let rendered = |item: &Item| -> Result<Item> {
            let rendered = match item.turns.is_empty() {
                true => self.render(system.as_deref(), &item.prompt[description.len()..]),
                false => self.render_turns(&with_system(&item.turns, system.as_deref())),
            };
            let prompt = rendered.map_err(|error| failed(&item.id, error))?;
            Ok(Item { prompt, delimiter: None, turns: Vec::new(), ..item.clone() })
        };
        let items = task.items.iter().map(rendered).collect::<Result<Vec<Item>>>()?;
        let begun = items.iter().all(|item| self.begins(&item.prompt));
        let boundary = match task.join.boundary {
            // Else the one token that this score predicts would be the template's line end.
            Boundary::Harness if score == Score::Top1 => Boundary::Apart,
            Boundary::Joint => Boundary::Apart,
            boundary => boundary,
        };
        let join = Join { delimiter: String::new(), boundary, special: task.join.special && !begun };
        Ok(Task { items, join, ..task })
    }

    /// The system turn for a task, and the description that it takes from the start of every prompt.
    ///
    /// The harness puts a task's `description`, which begins every prompt, into the system turn instead.
    fn system_turn<'a>(&self, task: &'a Task) -> (Option<String>, &'a str) {
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
        (system, description)
    }

    /// Settings of the rendering and the template's hash, by their keys in a manifest.
    pub fn record(&self) -> Vec<(&'static str, Value)> {
        let mut record =
            vec![("apply_chat_template", true.into()), ("chat_template_sha256", self.sha256.clone().into())];
        record.extend(self.settings.system.clone().map(|text| ("system_instruction", text.into())));
        record.extend(self.settings.date.map(|date| ("chat_date", date.to_string().into())));
        record
    }
}

/// Turns with a system text before them, which a system turn of their own continues.
fn with_system(turns: &[Turn], system: Option<&str>) -> Vec<Turn> {
    let Some(system) = system else { return turns.to_vec() };
    let (content, rest) = match turns.split_first() {
        Some((first, rest)) if first.role == "system" => (format!("{system}\n\n{}", first.content), rest),
        _ => (system.to_owned(), turns),
    };
    [Turn::new("system", &content)].into_iter().chain(rest.iter().cloned()).collect()
}

/// The error for an item that cannot be rendered.
fn failed(item: &str, error: RenderError) -> Error {
    match error {
        RenderError::DateMissing => {
            Error::setting("chat-date", format!("item `{item}`: the model's chat template: {error}"))
        }
        RenderError::Failed(reason) => ChatError::Render { item: item.to_owned(), reason }.into(),
    }
}

#[cfg(test)]
mod tests;
