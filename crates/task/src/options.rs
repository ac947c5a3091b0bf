//! Options for building a task: the same data gives different prompts for causal and masked models, and for the paper.

use std::path::PathBuf;

use crate::named::named;
use crate::questions::settings::QuestionSettings;
use laser_model::ModelKind;
use laser_model::tokenizer::Tokenizer;

/// Prompts and scores of the built-in tasks: ours, or the reference code's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Corrected prompts and scores: an answer counts only in the continuation, as whole words, aliases included;
    /// choices are compared by length-normalised log-likelihood.
    #[default]
    Clean,
    /// Prompts and scores of the paper's reference code, quirks included (`docs/method.md`, "Data sets and prompts" and
    /// "Quirks of the reference code").
    Paper,
}

impl Profile {
    const NAMES: [(&'static str, Self); 2] = [("clean", Self::Clean), ("paper", Self::Paper)];
}

named!(Profile, NAMES, "profile");

/// Options for building a task: the model it is for, and how its data is read.
#[derive(Debug, Clone, Copy)]
pub struct TaskOptions<'a> {
    /// Prompts and scores: ours or the reference code's.
    pub profile: Profile,
    /// Kind of model that the prompts are for: causal or masked.
    pub kind: ModelKind,
    /// Name of the model's family, such as `llama`; the paper chose some scores by it. Empty: any other family.
    pub family: &'a str,
    /// The model's tokenizer, for the rules of the paper that count or cut tokens; without it, such a rule is an error.
    pub tokenizer: Option<&'a Tokenizer>,
    /// Skips malformed records and counts them, instead of rejecting the file.
    pub skip_bad: bool,
    /// Number of few-shot examples before each question of a harness task; `None`: the task's own number.
    pub num_fewshot: Option<usize>,
    /// Seed for drawing the few-shot examples.
    pub fewshot_seed: u64,
    /// Folders in which harness tasks are found by name.
    pub include: &'a [PathBuf],
    /// Templates and other settings of the user's own questions.
    pub questions: &'a QuestionSettings,
    /// Bytes of the standard input, for the task `-`.
    pub input: Option<&'a [u8]>,
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
            fewshot_seed: 1234, // the harness's default
            include: &[],
            questions: QuestionSettings::NONE,
            input: None,
        }
    }
}
