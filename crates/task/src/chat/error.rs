//! Errors of chat templates. Imports nothing from this crate, so that the crate's error can contain it.

/// Reason why a chat template could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The model has no chat template.
    #[error(
        "the model has no chat template: expected chat_template.jinja, `chat_template` in tokenizer_config.json, or \
         `tokenizer.chat_template` in GGUF metadata"
    )]
    Absent,
    /// The template is longer than any real one.
    #[error("the model's chat template: expected at most {limit} bytes, found {found}")]
    TooLarge {
        /// Largest accepted size in bytes.
        limit: usize,
        /// Size of the template in bytes.
        found: usize,
    },
    /// The template is not valid Jinja.
    #[error("the model's chat template: {0}")]
    Syntax(String),
    /// Rendering a prompt failed: the template raised an exception, did not finish, or wrote too much.
    #[error("item `{item}`: the model's chat template: {reason}")]
    Render {
        /// Id of the item.
        item: String,
        /// Message of the template or its renderer.
        reason: String,
    },
}

/// Reason why one text could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The template prints the current date, and the settings have none.
    #[error("strftime_now asks for today's date: expected a day such as 2026-01-31, found none")]
    DateMissing,
    /// The template raised an exception, did not finish, or wrote too much.
    #[error("{0}")]
    Failed(String),
}
