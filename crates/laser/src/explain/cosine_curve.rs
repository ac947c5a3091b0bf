//! Cosine curve: how near answers are to the right ones where only the smallest components stay (arXiv 2312.13558, figure
//! 5b), with controls.
//!
//! The paper does not say which embedding it uses. Here it is the output head, its rows centred over the vocabulary, and the
//! first token of the answer; the token embedding beside it where it is another matrix.

use laser_statistics::{bootstrap_ci95, mean};

use super::document::{CosinePoint, Mean};
use super::questions::FirstToken;
use super::word_directions::WordDirections;

/// Number of draws of every bootstrap.
const RESAMPLES: usize = 2_000;

/// Tokens that answers are compared with.
pub(crate) struct CosineTargets<'a> {
    /// First token of the gold answer of each question.
    pub(crate) gold: &'a [u32],
    /// Another gold answer of the relation, the same for all shares; `None` where there is none.
    pub(crate) other_of_type: &'a [Option<u32>],
    /// The most frequent generic answer.
    pub(crate) generic: Option<u32>,
    /// Group of each question.
    pub(crate) groups: &'a [u32],
    /// Questions that the edit fixes.
    pub(crate) fixed: &'a [usize],
    /// Seed of the bootstraps.
    pub(crate) seed: u64,
}

impl CosineTargets<'_> {
    /// The point of one share.
    pub(crate) fn point(&self, kept: f64, answers: &[FirstToken], words: &WordDirections) -> CosinePoint {
        let all: Vec<usize> = (0..answers.len()).collect();
        let cosine = |question: usize, token: u32| words.cosine(answers[question].token, token);
        let to = |questions: &[usize], token: &dyn Fn(usize) -> Option<u32>| {
            let pairs = questions.iter().filter_map(|q| Some((cosine(*q, token(*q)?), self.groups[*q])));
            let (values, groups): (Vec<f64>, Vec<u32>) = pairs.unzip();
            let interval = || bootstrap_ci95(&values, &groups, RESAMPLES, self.seed);
            mean(&values).map(|mean| Mean { mean, ci95: interval() })
        };
        CosinePoint {
            kept,
            to_gold: to(self.fixed, &|q| Some(self.gold[q])),
            to_same_type: to(self.fixed, &|q| self.other_of_type[q]),
            to_generic: to(self.fixed, &|_| self.generic),
            to_gold_of_all: to(&all, &|q| Some(self.gold[q])),
        }
    }
}
