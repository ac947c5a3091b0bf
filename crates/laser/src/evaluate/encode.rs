//! Items → tokens: what the model reads, and which tokens are scored where. Stands between `task` and `batch`.

mod continued;
mod masked;
mod windows;

use crate::error::{Error, Result};
use laser_model::config::ModelConfig;
use laser_model::tokenizer::Tokenizer;
use laser_task::score::Score;
use laser_task::{Item, Task};

/// An item, or a window of its text, in tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Encoded {
    /// What is read for the sake of what the model says of itself; empty where it need not say anything.
    pub(crate) prompt: Vec<u32>,
    /// Positions of the prompt at which it says it, upwards: the last, or the masks.
    pub(crate) asked: Vec<usize>,
    /// Answers to score: every choice; the gold answer and its aliases where the whole answer counts; the gold answer.
    pub(crate) candidates: Vec<AnswerTokens>,
    /// What the score divides each candidate's log-likelihood by.
    pub(crate) lengths: Vec<f64>,
    /// Which candidate is the gold answer.
    pub(crate) gold: usize,
    /// As how many tokens the gold answer counts.
    pub(crate) answer_tokens: usize,
    /// Trimmed lower-case texts of the first tokens of all accepted answers.
    pub(crate) first_tokens: Vec<String>,
}

/// An answer in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AnswerTokens {
    /// What the model reads.
    pub(crate) inputs: Vec<u32>,
    /// The answer's tokens, each with the position that predicts it, upwards.
    pub(crate) probes: Vec<(usize, u32)>,
}

impl AnswerTokens {
    /// `answer` after `context`: its last token is predicted, never read.
    pub(crate) fn after(context: Vec<u32>, answer: &[u32]) -> Self {
        let first = context.len().saturating_sub(1);
        let probes = answer.iter().enumerate().map(|(i, token)| (first + i, *token)).collect();
        let mut inputs = context;
        inputs.extend(&answer[..answer.len().saturating_sub(1)]);
        Self { inputs, probes }
    }
}

impl Encoded {
    /// Tokens of the longest sequence.
    pub(crate) fn longest(&self) -> usize {
        let inputs = self.candidates.iter().map(|c| c.inputs.len());
        inputs.chain([self.prompt.len()]).max().unwrap_or(0)
    }

    /// The item without its answers: what the model reads before it says anything.
    pub(crate) fn question(&self) -> Self {
        let read = || self.candidates.get(self.gold).map_or_else(Vec::new, |c| c.inputs.clone());
        let prompt = if self.prompt.is_empty() { read() } else { self.prompt.clone() };
        Self { asked: vec![prompt.len() - 1], prompt, ..Self::default() }
    }
}

/// Encodes a task's items for a score; a text that is only to be likely gives several, each with its item's index.
///
/// # Errors
/// Items that do not suit the score, are longer than the model's context, or cannot be spelled.
pub(crate) fn encode(
    task: &Task,
    tokenizer: &Tokenizer,
    score: Score,
    config: &ModelConfig,
) -> Result<Vec<(usize, Encoded)>> {
    let mut encoded = Vec::with_capacity(task.items.len());
    for (index, item) in task.items.iter().enumerate() {
        let question = Question { task, item, tokenizer, score, config };
        match score {
            Score::Perplexity { window, stride } => {
                encoded.extend(question.windows(window, stride)?.into_iter().map(|window| (index, window)));
            }
            _ if config.attention.causal => encoded.push((index, question.continued()?)),
            _ => encoded.push((index, question.masked()?)),
        }
    }
    Ok(encoded)
}

/// An item on its way to tokens.
struct Question<'a> {
    task: &'a Task,
    item: &'a Item,
    tokenizer: &'a Tokenizer,
    score: Score,
    config: &'a ModelConfig,
}

impl Question<'_> {
    fn wrong(&self, problem: String) -> Error {
        Error::Task(laser_task::Error::Task {
            file: self.task.name.clone(),
            place: format!("item `{}`", self.item.id),
            problem,
        })
    }

    /// The answers to score, as texts, and which is the gold one.
    fn texts(&self) -> Result<(&[String], usize)> {
        let item = self.item;
        match self.score {
            Score::Choice { .. } if item.choices.is_empty() => {
                Err(self.wrong("the score `choice` needs choices, found an open question".into()))
            }
            Score::Choice { .. } => Ok((&item.choices, item.gold)),
            Score::Greedy => Ok((&item.answers, 0)),
            _ => Ok((&item.answers[..1], 0)),
        }
    }

    /// The item of its parts, all answers there.
    fn finish(
        &self,
        prompt: Vec<u32>,
        asked: Vec<usize>,
        candidates: Vec<AnswerTokens>,
        gold: usize,
    ) -> Result<Encoded> {
        let (texts, _) = self.texts()?;
        let length = |text: &String| if let Score::Choice { length, .. } = self.score { length.of(text) } else { 1.0 };
        let lengths = texts.iter().map(length).collect();
        let answer_tokens = candidates[gold].probes.len();
        Ok(Encoded { prompt, asked, candidates, lengths, gold, answer_tokens, first_tokens: Vec::new() })
    }

    /// Under [`Score::Top1`], how the gold answer, which is encoded, and its aliases begin.
    fn add_first_tokens(&self, encoded: &mut Encoded, tokens: impl Fn(&str) -> Result<Vec<u32>>) -> Result<()> {
        if self.score != Score::Top1 {
            return Ok(());
        }
        let mut firsts = vec![encoded.candidates[encoded.gold].probes[0].1];
        for alias in &self.item.answers[1..] {
            firsts.push(tokens(alias)?[0]);
        }
        let text = |token: &u32| Ok(normalise(&self.tokenizer.decode(&[*token])?));
        encoded.first_tokens = firsts.iter().map(text).collect::<Result<_>>()?;
        Ok(())
    }

    /// Refuses what does not fit the model's context.
    fn check_length(&self, longest: usize) -> Result<()> {
        let max_positions = self.config.max_positions;
        if longest > max_positions {
            let problem = format!("expected at most {max_positions} tokens, the model's context, found {longest}");
            return Err(self.wrong(problem));
        }
        Ok(())
    }
}

/// Where the answer begins: the shortest run of last tokens that reads as it, trimmed.
fn suffix_start(tokenizer: &Tokenizer, tokens: &[u32], answer: &str) -> Result<Option<usize>> {
    for start in (0..tokens.len()).rev() {
        if tokenizer.decode(&tokens[start..])?.trim() == answer.trim() {
            return Ok(Some(start));
        }
    }
    Ok(None)
}

/// How token texts are compared.
pub(crate) fn normalise(text: &str) -> String {
    text.trim().to_lowercase()
}
