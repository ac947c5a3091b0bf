//! Items → tokens.

use super::Score;
use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::task::{Item, Task};
use crate::tokenizer::Tokenizer;

/// An item in tokens.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    /// Prompt, with the beginning-of-sequence token where the model wants one.
    pub(crate) prompt: Vec<u32>,
    /// Answers to score: every choice; the gold answer and its aliases where the whole answer counts; the gold answer.
    pub(crate) candidates: Vec<Vec<u32>>,
    /// What the score divides each candidate's log-likelihood by.
    pub(crate) lengths: Vec<f64>,
    /// Which candidate is the gold answer.
    pub(crate) gold: usize,
    /// Trimmed lower-case texts of the first tokens of all accepted answers.
    pub(crate) first_tokens: Vec<String>,
}

impl Encoded {
    /// Tokens of the longest sequence.
    pub(crate) fn longest(&self) -> usize {
        self.prompt.len() + self.candidates.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// Encodes a task's items for a score; answers follow the prompt after one space.
pub(crate) fn encode(task: &Task, tokenizer: &Tokenizer, score: Score, config: &ModelConfig) -> Result<Vec<Encoded>> {
    task.items.iter().map(|item| encode_item(task, item, tokenizer, score, config)).collect()
}

fn encode_item(task: &Task, item: &Item, tokenizer: &Tokenizer, score: Score, config: &ModelConfig) -> Result<Encoded> {
    let wrong =
        |problem: String| Error::Task { file: task.name.clone(), place: format!("item `{}`", item.id), problem };
    let (texts, gold) = match score {
        Score::Choice { .. } if item.choices.is_empty() => {
            return Err(wrong("the score `choice` needs choices, found an open question".into()));
        }
        Score::Choice { .. } => (item.choices.clone(), item.gold),
        Score::Greedy => (item.answers.clone(), 0),
        Score::Top1 | Score::Generate { .. } | Score::Perplexity { .. } => (vec![item.target().to_owned()], 0),
    };
    let mut prompt = Vec::new();
    let mut candidates = Vec::with_capacity(texts.len());
    for text in &texts {
        let (context, continuation) = tokenizer.encode_pair(&item.prompt, &format!(" {text}"))?;
        // Where an answer merges with the prompt's last token, the prompts differ, and the two cannot share one.
        if prompt.is_empty() {
            prompt = context;
            candidates.push(continuation);
        } else {
            let whole: Vec<u32> = context.into_iter().chain(continuation).collect();
            let shared = whole.iter().zip(&prompt).take_while(|(a, b)| a == b).count();
            if shared < prompt.len() || whole.len() == shared {
                if score == Score::Greedy {
                    continue; // an alias that cannot follow the prompt is never said
                }
                return Err(wrong(format!("the answer `{text}` changes the prompt's own tokens")));
            }
            candidates.push(whole[shared..].to_vec());
        }
    }
    if prompt.is_empty() {
        return Err(wrong("the prompt has no tokens".into()));
    }
    let generated = if let Score::Generate { max_tokens, .. } = score { max_tokens } else { 0 };
    let longest = prompt.len() + candidates.iter().map(Vec::len).max().unwrap_or(0).max(generated);
    let max_positions = config.max_positions;
    if longest > max_positions {
        return Err(wrong(format!("expected at most {max_positions} tokens, the model's context, found {longest}")));
    }
    // Cached keys would keep the old frequencies, and variants side by side would change at different steps.
    if let Some(limit) = config.length_dependent_beyond()
        && generated > 0
        && (prompt.len() + 1..=longest).contains(&(limit + 1))
    {
        return Err(wrong(format!(
            "a text of {} to {longest} tokens would cross {limit}, where the model's rotary frequencies change",
            prompt.len()
        )));
    }
    let first_tokens = if score == Score::Top1 {
        let first = |answer: &String| -> Result<String> {
            let (_, tokens) = tokenizer.encode_pair(&item.prompt, &format!(" {answer}"))?;
            Ok(normalise(&tokenizer.decode(&tokens[..1])?))
        };
        item.answers.iter().map(first).collect::<Result<_>>()?
    } else {
        Vec::new()
    };
    let length = |text: &String| if let Score::Choice { length, .. } = score { length.of(text) } else { 1.0 };
    let lengths = texts.iter().map(length).collect();
    Ok(Encoded { prompt, candidates, lengths, gold, first_tokens })
}

/// How token texts are compared.
pub(crate) fn normalise(text: &str) -> String {
    text.trim().to_lowercase()
}
