//! What a task is built for: the same data gives other prompts to other models, and to other readings of the paper.

use std::path::PathBuf;

use crate::named::named;
use laser_model::ModelKind;
use laser_model::tokenizer::Tokenizer;

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

/// What a task is built for.
#[derive(Debug, Clone, Copy)]
pub struct TaskOptions<'a> {
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
    /// Examples before each question of a harness task, instead of the task's own number.
    pub num_fewshot: Option<usize>,
    /// Seed of the examples.
    pub fewshot_seed: u64,
    /// Folders with task files of the harness, found by their task's name.
    pub include: &'a [PathBuf],
}

impl Default for TaskOptions<'_> {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            kind: ModelKind::default(),
            family: "",
            tokenizer: None,
            skip_bad: false,
            num_fewshot: None,
            fewshot_seed: 1234, // the harness's
            include: &[],
        }
    }
}
