//! What can go wrong with a chat template.

/// Why a chat template could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The model has none.
    #[error(
        "the model has no chat template: expected chat_template.jinja, `chat_template` in tokenizer_config.json, or \
         `tokenizer.chat_template` in GGUF metadata"
    )]
    Absent,
    /// It is too long to be one.
    #[error("the model's chat template: expected at most {limit} bytes, found {found}")]
    TooLarge {
        /// What is allowed.
        limit: usize,
        /// What it has.
        found: usize,
    },
    /// It is not Jinja.
    #[error("the model's chat template: {0}")]
    Syntax(String),
    /// It raises, fails, runs without end or writes too much.
    #[error("item `{item}`: the model's chat template: {reason}")]
    Render {
        /// The item.
        item: String,
        /// What the template or its renderer says.
        reason: String,
    },
}
