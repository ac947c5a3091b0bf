//! Items as what a model can learn: prompt and gold answer in the tokens that an evaluation scores.

use laser_model::config::ModelConfig;
use laser_model::tokenizer::Tokenizer;
use laser_task::score::Score;
use laser_task::{Item, Task};

use super::encode::encode;
use crate::error::Result;

/// The prompt of an item with its gold answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredPrompt {
    /// All tokens.
    pub tokens: Vec<u32>,
    /// Number of tokens at the beginning that are the prompt.
    pub given: usize,
}

/// The items of a task with their gold answers, in their order. Of a choice, the right one is the answer.
///
/// # Errors
/// A model that does not continue texts, an item that is longer than its context, or one that cannot be encoded.
pub fn answered_prompts(task: &Task, tokenizer: &Tokenizer, config: &ModelConfig) -> Result<Vec<AnsweredPrompt>> {
    config.check_continues_texts()?;
    let open = |item: &Item| match item.choices.get(item.gold) {
        Some(choice) => Item { answers: vec![choice.clone()], choices: Vec::new(), gold: 0, ..item.clone() },
        None => item.clone(),
    };
    let task = Task { items: task.items.iter().map(open).collect(), ..task.clone() };
    let answered = |(_, encoded): (usize, super::encode::EncodedItem)| {
        let candidate = &encoded.candidates[encoded.gold];
        let given = candidate.scored_tokens.first().map_or(candidate.inputs.len(), |(position, _)| position + 1);
        let last = candidate.scored_tokens.last().map(|(_, token)| *token);
        AnsweredPrompt { tokens: candidate.inputs.iter().copied().chain(last).collect(), given }
    };
    Ok(encode(&task, tokenizer, Score::Greedy, config)?.into_iter().map(answered).collect())
}
