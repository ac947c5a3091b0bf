//! Items → tokens: what the model reads, and the tokens whose log-probabilities are computed. Takes a task and a score,
//! gives the input of `batch`.
//!
//! Three forms of items have a file each: answers after a prompt (`continued`), answers in place of masks (`masked`),
//! and texts in windows (`windows`).

mod answer_start;
mod continued;
mod masked;
mod windows;

pub(crate) use answer_start::AnswerStart;

use crate::error::{Error, Result};
use crate::evaluate::score_rules::{CandidateRule, JudgementRule, ScoreRules};
use laser_kernels::batch_layout::index_u32;
use laser_model::config::ModelConfig;
use laser_model::tokenizer::Tokenizer;
use laser_sokoban::Move;
use laser_task::score::Score;
use laser_task::{Item, Task};

/// An item, or one window of its text, in tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct EncodedItem {
    /// Prompt tokens after which we look at the model's own prediction; empty if the score needs none.
    pub(crate) prompt: Vec<u32>,
    /// Positions of the prompt at which the model's own prediction is read, ascending: the last, or the masks.
    pub(crate) prediction_positions: Vec<usize>,
    /// Answers whose log-probabilities are computed: all choices, the gold answer and its aliases, or the gold answer.
    pub(crate) candidates: Vec<CandidateTokens>,
    /// For each candidate, the divisor of its log-probability when candidates are compared.
    pub(crate) length_divisors: Vec<f64>,
    /// Index of the gold answer among the candidates.
    pub(crate) gold: usize,
    /// Number of tokens by which the log-probability of the gold answer is divided for a loss per token.
    pub(crate) answer_tokens: usize,
    /// Texts of the first tokens of all accepted answers, trimmed and in lower case; empty if the score does not compare
    /// first tokens.
    pub(crate) first_token_texts: Vec<String>,
}

/// A candidate answer with the text around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CandidateTokens {
    /// Tokens that the model reads.
    pub(crate) inputs: Vec<u32>,
    /// The answer's tokens, each with the position of `inputs` whose logits predict it, ascending.
    pub(crate) scored_tokens: Vec<(usize, u32)>,
}

impl CandidateTokens {
    /// Places `answer` after `context`. The last token of the answer is predicted but never read.
    pub(crate) fn after(context: Vec<u32>, answer: &[u32]) -> Self {
        let first = context.len().saturating_sub(1);
        let scored_tokens = answer.iter().enumerate().map(|(i, token)| (first + i, *token)).collect();
        let mut inputs = context;
        inputs.extend(&answer[..answer.len().saturating_sub(1)]);
        Self { inputs, scored_tokens }
    }
}

impl EncodedItem {
    /// Length of the longest sequence, in tokens.
    pub(crate) fn longest(&self) -> usize {
        let inputs = self.candidates.iter().map(|c| c.inputs.len());
        inputs.chain([self.prompt.len()]).max().unwrap_or(0)
    }

    /// The moves of a demonstration as the one candidate, each predicted at the input of its own step.
    pub(crate) fn of_moves(moves: impl Iterator<Item = Move>) -> Self {
        let scored_tokens: Vec<(usize, u32)> =
            moves.enumerate().map(|(step, m)| (step, index_u32(m.index()))).collect();
        Self {
            answer_tokens: scored_tokens.len(),
            candidates: vec![CandidateTokens { inputs: Vec::new(), scored_tokens }],
            length_divisors: vec![1.0],
            ..Self::default()
        }
    }

    /// Returns the prompt without candidates. If the score needs no prompt, the inputs of the gold answer are the prompt.
    pub(crate) fn prompt_only(&self) -> Self {
        let gold_inputs = || self.candidates.get(self.gold).map_or_else(Vec::new, |c| c.inputs.clone());
        let prompt = if self.prompt.is_empty() { gold_inputs() } else { self.prompt.clone() };
        Self { prediction_positions: vec![prompt.len() - 1], prompt, ..Self::default() }
    }
}

/// Leaves the items out of a task that are longer than the model's context.
///
/// # Errors
/// An item that cannot be encoded for another reason.
pub(crate) fn leave_out_too_long(
    task: &mut Task,
    tokenizer: &Tokenizer,
    score: Score,
    config: &ModelConfig,
) -> Result<()> {
    let rules = ScoreRules::of(score.of(config.kind()));
    if rules.windows.is_some() {
        return Ok(()); // windows are never too long
    }
    let mut too_long = Vec::new();
    for (index, item) in task.items.iter().enumerate() {
        let encoder = ItemEncoder { task, item, tokenizer, rules, config };
        match if config.attention.causal { encoder.continued() } else { encoder.masked() } {
            Err(error) if error.is_too_long() => too_long.push((index, error.to_string())),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    if let (Some((_, first)), true) = (too_long.first(), too_long.len() == task.items.len()) {
        let problem = format!("expected one that the model can read, found all of them too long; the first: {first}");
        let (file, place) = (task.name.clone(), "items".to_owned());
        return Err(laser_task::Error::Task { file, place, problem }.into());
    }
    task.leave_out(too_long);
    Ok(())
}

/// Encodes the items of a task for a score. Returns one entry for each item, or for each window of its text, with the
/// item's index in the task.
///
/// # Errors
/// An item that does not suit the score, is longer than the model's context, or cannot be encoded.
pub(crate) fn encode(
    task: &Task,
    tokenizer: &Tokenizer,
    score: Score,
    config: &ModelConfig,
) -> Result<Vec<(usize, EncodedItem)>> {
    let rules = ScoreRules::of(score);
    let mut encoded = Vec::with_capacity(task.items.len());
    for (index, item) in task.items.iter().enumerate() {
        let encoder = ItemEncoder { task, item, tokenizer, rules, config };
        match rules.windows {
            Some(windows) => encoded.extend(encoder.windows(windows)?.into_iter().map(|window| (index, window))),
            None if config.attention.causal => encoded.push((index, encoder.continued()?)),
            None => encoded.push((index, encoder.masked()?)),
        }
    }
    Ok(encoded)
}

/// Encodes one item.
struct ItemEncoder<'a> {
    task: &'a Task,
    item: &'a Item,
    tokenizer: &'a Tokenizer,
    rules: ScoreRules,
    config: &'a ModelConfig,
}

impl ItemEncoder<'_> {
    /// The error of an item that cannot be encoded.
    fn error(&self, problem: String) -> Error {
        Error::from(laser_task::Error::Task { file: self.task.name.clone(), place: self.place(), problem })
    }

    /// The item, and the line or record that it was made from.
    fn place(&self) -> String {
        let id = &self.item.id;
        self.item.place.map_or_else(|| format!("item `{id}`"), |place| format!("item `{id}` ({place})"))
    }

    /// The texts of the candidates, and the index of the gold answer among them.
    fn candidate_texts(&self) -> Result<(&[String], usize)> {
        let item = self.item;
        match self.rules.candidates {
            CandidateRule::Choices(_) if item.choices.is_empty() => {
                Err(self.error("the score `choice` needs choices, found an open question".into()))
            }
            CandidateRule::Choices(_) => Ok((&item.choices, item.gold)),
            CandidateRule::AllAnswers => Ok((&item.answers, 0)),
            CandidateRule::GoldAnswer => Ok((&item.answers[..1], 0)),
        }
    }

    /// Puts the encoded parts of an item together.
    fn assemble(
        &self,
        prompt: Vec<u32>,
        prediction_positions: Vec<usize>,
        candidates: Vec<CandidateTokens>,
        gold: usize,
    ) -> Result<EncodedItem> {
        let (texts, _) = self.candidate_texts()?;
        let divisor = |text: &String| match self.rules.candidates {
            CandidateRule::Choices(length) => length.of(text),
            _ => 1.0,
        };
        Ok(EncodedItem {
            prompt,
            prediction_positions,
            length_divisors: texts.iter().map(divisor).collect(),
            gold,
            answer_tokens: candidates[gold].scored_tokens.len(),
            candidates,
            first_token_texts: Vec::new(),
        })
    }

    /// Adds the first-token texts of the gold answer and its aliases, if the score compares first tokens. `tokens`
    /// encodes an alias.
    fn add_first_tokens(&self, encoded: &mut EncodedItem, tokens: impl Fn(&str) -> Result<Vec<u32>>) -> Result<()> {
        if self.rules.judgement != JudgementRule::FirstToken {
            return Ok(());
        }
        let mut firsts = vec![encoded.candidates[encoded.gold].scored_tokens[0].1];
        for alias in &self.item.answers[1..] {
            firsts.push(tokens(alias)?[0]);
        }
        let text = |token: &u32| Ok(normalise(&self.tokenizer.decode(&[*token])?));
        encoded.first_token_texts = firsts.iter().map(text).collect::<Result<_>>()?;
        Ok(())
    }

    /// Checks that `longest` tokens fit into the model's context.
    fn check_length(&self, longest: usize) -> Result<()> {
        let max_positions = self.config.max_positions;
        if longest > max_positions {
            let file = self.task.name.clone();
            let error = laser_task::Error::TooLong { file, place: self.place(), limit: max_positions, tokens: longest };
            return Err(error.into());
        }
        Ok(())
    }
}

/// Finds the start of the shortest run of last tokens whose text is `answer`, both trimmed.
fn suffix_start(tokenizer: &Tokenizer, tokens: &[u32], answer: &str) -> Result<Option<usize>> {
    for start in (0..tokens.len()).rev() {
        if tokenizer.decode(&tokens[start..])?.trim() == answer.trim() {
            return Ok(Some(start));
        }
    }
    Ok(None)
}

/// Normalises the text of a token before it is compared with another.
pub(crate) fn normalise(text: &str) -> String {
    text.trim().to_lowercase()
}
