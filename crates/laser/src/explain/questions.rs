//! Questions: the items of a task, of which only the first token of the answer is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use laser_model::tokenizer::Tokenizer;

use super::answer_class::AnswerClass;
use super::stacked_pass::Rows;
use crate::error::{Error, Result};
use crate::evaluate::Evaluator;
use crate::evaluate::batch::Batch;
use crate::evaluate::encode::{AnswerStart, normalise};

/// Rows at which a batch is full: few, because many variants of each run side by side.
const BATCH_ROWS: usize = 128;
/// Number of the unedited model's most frequent wrong answers that are generic.
const FREQUENT: usize = 100;
/// Fewest times that a generic answer was given.
const AT_LEAST: usize = 2;

/// The first token of a model's answer to one question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FirstToken {
    /// The most likely token.
    pub(crate) token: u32,
    /// Log-probability of the gold answer's first token, nats.
    pub(crate) logprob: f64,
    /// Place among all tokens, from 1, of that token or of another one that reads alike.
    pub(crate) rank: usize,
    /// True for a right answer: the most likely token reads as the first of an accepted answer, or the gold
    /// choice is the likeliest choice.
    pub(crate) right: bool,
}

/// Questions about first tokens, and the types of their answers.
pub(crate) struct Questions<'a> {
    tokenizer: &'a Tokenizer,
    /// Index of each question's item in the evaluation.
    pub(crate) items: Vec<usize>,
    starts: Vec<AnswerStart>,
    /// The questions in batches, counted by their position.
    pub(crate) batches: Vec<Batch>,
    /// Relation of each question, as an index.
    relations: Vec<usize>,
    /// First tokens of the gold answers of each relation.
    types: Vec<BTreeSet<u32>>,
    /// Number of items left out because two of their choices begin alike.
    pub(crate) left_out: usize,
}

/// Finds all tokens that read as an accepted first token.
fn add_readings(starts: &mut [AnswerStart], tokenizer: &Tokenizer, n_words: usize) -> Result<()> {
    let mut by_text: HashMap<String, Vec<u32>> =
        starts.iter().flat_map(|start| &start.accepted).map(|text| (text.clone(), Vec::new())).collect();
    let words = if by_text.is_empty() { 0 } else { tokenizer.vocab_size().min(n_words) };
    for token in (0u32..).take(words) {
        // A tokenizer may have gaps, which no text stands for.
        let Ok(text) = tokenizer.decode(&[token]) else { continue };
        if let Some(tokens) = by_text.get_mut(&normalise(&text)) {
            tokens.push(token);
        }
    }
    for start in starts {
        let gold = start.gold_token();
        let alike = start.accepted.iter().flat_map(|text| &by_text[text]).copied();
        start.readings = alike.filter(|token| *token != gold).collect::<BTreeSet<u32>>().into_iter().collect();
    }
    Ok(())
}

impl<'a> Questions<'a> {
    /// The questions of the items `indices`, for a model that predicts `n_words` tokens. Answers of items of one relation are of one type; items that name no relation
    /// are together.
    ///
    /// # Errors
    /// No item is left.
    pub(crate) fn new(
        evaluator: &Evaluator<'_>,
        indices: &[usize],
        tokenizer: &'a Tokenizer,
        n_words: usize,
    ) -> Result<Self> {
        let (mut items, mut starts) = (Vec::new(), Vec::new());
        for index in indices {
            let start = evaluator.answer_start(*index);
            let different: BTreeSet<u32> = start.candidates.iter().copied().collect();
            if different.len() == start.candidates.len() {
                items.push(*index);
                starts.push(start);
            }
        }
        if items.is_empty() {
            let problem = "expected choices that begin with different tokens, found none: only first tokens are read";
            return Err(Error::setting("task", problem));
        }
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut relations = Vec::with_capacity(items.len());
        let mut types: Vec<BTreeSet<u32>> = Vec::new();
        for (index, start) in items.iter().zip(&starts) {
            let next = numbers.len();
            let relation = *numbers.entry(evaluator.items()[*index].relation.as_str()).or_insert(next);
            if relation == types.len() {
                types.push(BTreeSet::new());
            }
            types[relation].insert(start.gold_token());
            relations.push(relation);
        }
        add_readings(&mut starts, tokenizer, n_words)?;
        let batches = evaluator.first_token_batches(&starts, BATCH_ROWS);
        let left_out = indices.len() - items.len();
        Ok(Self { tokenizer, items, starts, batches, relations, types, left_out })
    }

    /// Number of questions.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// First token of the gold answer of a question.
    pub(crate) fn gold(&self, question: usize) -> u32 {
        self.starts[question].gold_token()
    }

    /// The first tokens of other questions of the relation that are not the gold answer of this one.
    pub(crate) fn others_of_type(&self, question: usize) -> Vec<u32> {
        let gold = self.gold(question);
        self.types[self.relations[question]].iter().copied().filter(|token| *token != gold).collect()
    }

    /// The answers to all questions, from the rows of the batches under one model.
    pub(crate) fn answers(&self, rows: &Rows) -> Result<Vec<FirstToken>> {
        let mut texts: HashMap<u32, String> = HashMap::new();
        let mut by_question: Vec<Option<FirstToken>> = vec![None; self.len()];
        for (batch, rows) in self.batches.iter().zip(rows) {
            for item in &batch.items {
                let start = &self.starts[item.index];
                let place = |candidate: usize| item.candidates[candidate][0];
                let (row, slot) = place(start.gold);
                let row = &rows[row];
                let token = row.summary.argmax;
                let right = if start.accepted.is_empty() {
                    let rival = |candidate: usize| {
                        let (of, slot) = place(candidate);
                        rows[of].logprobs[slot]
                    };
                    (0..start.candidates.len()).all(|c| c == start.gold || rival(c) < row.logprobs[slot])
                } else {
                    start.accepted.contains(self.text(token, &mut texts)?)
                };
                let readings = (start.candidates.len()..item.candidates.len()).map(|reading| {
                    let (of, slot) = place(reading);
                    rows[of].ranks[slot]
                });
                let (logprob, rank) = (row.logprobs[slot], readings.fold(row.ranks[slot], usize::min));
                by_question[item.index] = Some(FirstToken { token, logprob, rank, right });
            }
        }
        Ok(by_question.into_iter().map(|answer| answer.expect("every question is in a batch")).collect())
    }

    /// The text of a token as answers are compared by it.
    fn text<'t>(&self, token: u32, texts: &'t mut HashMap<u32, String>) -> Result<&'t String> {
        if let std::collections::hash_map::Entry::Vacant(entry) = texts.entry(token) {
            entry.insert(normalise(&self.tokenizer.decode(&[token])?));
        }
        Ok(&texts[&token])
    }

    /// Tokens of the generic answers: the unedited model's most frequent answers that are right nowhere, most frequent first.
    pub(crate) fn frequent_wrong_answers(&self, unedited: &[FirstToken]) -> Vec<u32> {
        let gold: BTreeSet<u32> = self.types.iter().flatten().copied().collect();
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        for answer in unedited.iter().filter(|answer| !gold.contains(&answer.token)) {
            *counts.entry(answer.token).or_default() += 1;
        }
        let mut frequent: Vec<(u32, usize)> = counts.into_iter().filter(|(_, count)| *count >= AT_LEAST).collect();
        frequent.sort_by_key(|(token, count)| (std::cmp::Reverse(*count), *token));
        frequent.into_iter().map(|(token, _)| token).take(FREQUENT).collect()
    }

    /// The class of each answer. `generic`: tokens of generic answers; `words`: texts of others, in lower case.
    pub(crate) fn classes(
        &self,
        answers: &[FirstToken],
        generic: &BTreeSet<u32>,
        words: &BTreeSet<String>,
    ) -> Result<Vec<AnswerClass>> {
        let mut texts = HashMap::new();
        let class = |(question, answer): (usize, &FirstToken)| {
            let (start, token) = (&self.starts[question], answer.token);
            let text = self.text(token, &mut texts)?;
            Ok(if token == start.gold_token() || start.accepted.contains(text) {
                AnswerClass::Gold
            } else if self.types[self.relations[question]].contains(&token) || start.candidates.contains(&token) {
                AnswerClass::SameType
            } else if generic.contains(&token) || words.contains(text) || !text.chars().any(char::is_alphanumeric) {
                AnswerClass::Generic
            } else {
                AnswerClass::Other
            })
        };
        answers.iter().enumerate().map(class).collect()
    }

    /// The text of a token, as the tokenizer has it.
    pub(crate) fn word(&self, token: u32) -> Result<String> {
        Ok(self.tokenizer.decode(&[token])?)
    }
}
