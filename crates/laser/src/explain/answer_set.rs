//! The answers of one model to all questions, with their classes, and the scores of any of them.

use super::answer_class::{AnswerClass, class_shares};
use super::document::{AnswerRecord, FirstTokenScores};
use super::questions::{FirstToken, Questions};
use crate::error::Result;

/// Places among which the first token of the right answer counts for the accuracy among ten.
const AMONG: usize = 10;

/// Answers to all questions.
#[derive(Debug, Clone)]
pub(crate) struct AnswerSet {
    pub(crate) answers: Vec<FirstToken>,
    pub(crate) classes: Vec<AnswerClass>,
}

impl AnswerSet {
    /// Scores on all questions.
    pub(crate) fn scores(&self) -> FirstTokenScores {
        let n = self.answers.len().max(1) as f64;
        let share = |of: &dyn Fn(&FirstToken) -> bool| self.answers.iter().filter(|a| of(a)).count() as f64 / n;
        FirstTokenScores {
            acc: share(&|answer| answer.right),
            acc10: share(&|answer| answer.rank <= AMONG),
            log_loss: -self.answers.iter().map(|answer| answer.logprob).sum::<f64>() / n,
            classes: class_shares(self.classes.iter().copied()),
        }
    }

    /// Shares of the classes among some questions.
    pub(crate) fn classes_of(&self, questions: &[usize]) -> [f64; 4] {
        class_shares(questions.iter().map(|question| self.classes[*question]))
    }

    /// Questions that are right here and wrong in `other`.
    pub(crate) fn right_only(&self, other: &Self) -> Vec<usize> {
        (0..self.answers.len()).filter(|q| self.answers[*q].right && !other.answers[*q].right).collect()
    }

    /// The answer to a question as a record.
    pub(crate) fn record(&self, question: usize, questions: &Questions<'_>) -> Result<AnswerRecord> {
        let FirstToken { token, logprob, rank, right } = self.answers[question];
        let class = self.classes[question];
        Ok(AnswerRecord { answer: questions.word(token)?, class, right, gold_rank: rank, gold_logprob: logprob })
    }
}
