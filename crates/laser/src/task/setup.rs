//! What a task is built for: the same data gives other prompts to other models, and to other readings of the paper.

use crate::error::{Error, Result};
use crate::named::named;
use crate::tokenizer::Tokenizer;

/// Which prompts and which idea of right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// The corrected one: only the continuation counts, at word boundaries, with aliases; choices compared by length.
    #[default]
    Clean,
    /// As the paper's code does it, quirks included (`method.md` §2, §7.3 to 7.5).
    Paper,
}

impl Profile {
    const NAMES: [(&'static str, Self); 2] = [("clean", Self::Clean), ("paper", Self::Paper)];
}

named!(Profile, NAMES, "--profile");

/// What a model does with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelKind {
    /// Continues it.
    #[default]
    Causal,
    /// Fills masks in it (BERT, RoBERTa).
    Masked,
}

/// What a task is built for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup<'a> {
    /// Which prompts and scores.
    pub profile: Profile,
    /// For what kind of model.
    pub kind: ModelKind,
    /// Its name in the architecture table, for scores that the paper chose by the family; empty for any.
    pub family: &'a str,
    /// Counts and cuts tokens where a data set's rules do; without it such a rule is an error.
    pub tokenizer: Option<&'a Tokenizer>,
    /// Leave out bad rows, and count them, instead of refusing the file.
    pub skip_bad: bool,
}

impl<'a> Setup<'a> {
    /// The tokenizer, for a task that does something with tokens.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn needed_tokenizer(&self, task: &str, what: &str) -> Result<&'a Tokenizer> {
        let problem = || format!("{task} {what} under `{}`, and needs the model's tokenizer", self.profile);
        self.tokenizer.ok_or_else(|| Error::setting("--profile", problem()))
    }
}
