//! Arguments of `laser ask`.

use clap::Args;

use super::{ModelArg, SvdArgs};

/// A model, an edit of it, and what they are asked.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    pub(crate) model: ModelArg,
    /// The prompt [default: lines of stdin, one after the other]
    pub(crate) prompt: Option<String>,
    /// Edit to compare with the unedited model: L5.fc_in@0.01, several joined by commas, a recipe file, or a
    /// delta (.safetensors)
    #[arg(long, value_name = "EDIT")]
    pub(crate) edit: Option<String>,
    #[command(flatten)]
    pub(crate) svd: SvdArgs,
    /// Put the prompt into the model's own chat template; with stdin, the conversation goes on
    #[arg(long)]
    pub(crate) chat: bool,
    /// System message of the conversation
    #[arg(long, value_name = "TEXT", requires = "chat")]
    pub(crate) system_instruction: Option<String>,
    /// Longest answer, in tokens
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub(crate) max_tokens: usize,
    /// Number of likely next tokens to show
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) top: usize,
}
