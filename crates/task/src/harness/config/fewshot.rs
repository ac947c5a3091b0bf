//! `num_fewshot` and `fewshot_config`: how many examples come before a question, and how they are chosen.

use crate::error::Result;
use crate::harness::keys::KeyReader;

/// How few-shot examples are chosen.
#[derive(Debug)]
pub(in crate::harness) struct FewshotConfig {
    /// Number of examples before each question, if the file sets it.
    pub(in crate::harness) num_fewshot: Option<usize>,
    pub(in crate::harness) sampler: Sampler,
    /// `fewshot_config.split`, which takes precedence over `fewshot_split`.
    pub(super) split: Option<String>,
}

/// `fewshot_config.sampler`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::harness) enum Sampler {
    /// `default`: rows drawn at random for every question.
    Random,
    /// `first_n`: the first rows of the split.
    FirstN,
}

impl FewshotConfig {
    pub(super) fn read(keys: &mut KeyReader<'_>) -> Result<Self> {
        let num_fewshot = keys.count("num_fewshot")?;
        let Some(mut config) = keys.mapping("fewshot_config")? else {
            return Ok(Self { num_fewshot, sampler: Sampler::Random, split: None });
        };
        let sampler = match config.text("sampler")?.as_deref() {
            None | Some("default") => Sampler::Random,
            Some("first_n") => Sampler::FirstN,
            Some(other) => {
                return Err(config.error("sampler", format!("expected default or first_n, found `{other}`")));
            }
        };
        let split = config.text("split")?;
        config.finish()?;
        Ok(Self { num_fewshot, sampler, split })
    }
}
