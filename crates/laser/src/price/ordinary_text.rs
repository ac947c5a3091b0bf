//! The ordinary text as an evaluation: passages of the built-in task `ordinary-text` that every price is measured on.

use crate::error::Result;
use crate::evaluate::Evaluator;
use laser_model::ModelKind;
use laser_model::config::ModelConfig;
use laser_model::tokenizer::Tokenizer;
use laser_task::Task;
use laser_task::options::TaskOptions;
use laser_task::score::Score;

/// Name of the built-in task.
const TASK: &str = "ordinary-text";
/// Number of passages read, of all kinds: about 6,500 tokens. More would take a noticeable part of a search's time.
const PASSAGES: usize = 14;

/// Passages of ordinary text.
#[derive(Debug)]
pub struct OrdinaryText {
    task: Task,
}

impl OrdinaryText {
    /// Opens the text for a model; `None` for a model that does not continue texts, and for one whose tokenizer reads most
    /// words of it as the unknown token, as that of a made-up language does.
    ///
    /// # Errors
    /// A tokenizer that cannot encode the text.
    pub fn open(config: &ModelConfig, tokenizer: &Tokenizer) -> Result<Option<Self>> {
        if config.kind() != ModelKind::Causal {
            return Ok(None);
        }
        let mut task = Task::open(TASK, None, &TaskOptions::default())?;
        task.items.truncate(PASSAGES);
        let Some(unknown) = tokenizer.unknown_id() else { return Ok(Some(Self { task })) };
        let mut counts = [0, 0];
        for item in &task.items {
            let tokens = tokenizer.encode(item.target(), false)?;
            counts[0] += tokens.iter().filter(|token| **token == unknown).count();
            counts[1] += tokens.len();
        }
        Ok((2 * counts[0] <= counts[1]).then_some(Self { task }))
    }

    /// The text in the tokens of a model. A passage longer than the model's context is read in windows.
    ///
    /// # Errors
    /// A tokenizer that cannot encode the text.
    pub fn evaluator<'a>(&'a self, tokenizer: &'a Tokenizer, config: &ModelConfig) -> Result<Evaluator<'a>> {
        Evaluator::new(&[(&self.task, Score::PERPLEXITY)], tokenizer, config)
    }
}
