//! Which examples stand before which question.
//!
//! One generator goes through the questions in their order, so that the examples of a question depend on the number
//! of those before it, but not on what a limit leaves out after it.

use super::config::{Config, Sampler};
use super::data::Split;
use super::docs::Docs;
use super::python_random::PythonRandom;
use crate::error::{Error, Result};

/// Draws the examples of one question after the other.
pub(super) struct Examples<'a> {
    config: &'a Config,
    docs: &'a Docs<'a>,
    split: &'a Split,
    random: PythonRandom,
    n: usize,
    /// The text of each row that was drawn before.
    texts: Vec<Option<String>>,
}

impl<'a> Examples<'a> {
    /// `n` examples a question from `split`, by the harness's seed.
    pub(super) fn new(config: &'a Config, docs: &'a Docs<'a>, split: &'a Split, n: usize, seed: u64) -> Self {
        Self { config, docs, split, random: PythonRandom::new(seed), n, texts: vec![None; split.len()] }
    }

    /// The examples before row `index` of `asked`, joined.
    ///
    /// # Errors
    /// Too few rows, or one that cannot be an example.
    pub(super) fn next(&mut self, asked: &Split, index: usize) -> Result<String> {
        if self.n == 0 {
            return Ok(String::new());
        }
        let mut text = String::new();
        for row in self.rows(asked, index).ok_or_else(|| self.too_few())? {
            let example = match &self.texts[row] {
                Some(example) => example,
                None => {
                    let example = self.docs.example(self.split.doc(row));
                    let example = example.map_err(|bad| self.split.row(row).error(&bad))?;
                    self.texts[row].insert(example)
                }
            };
            text.push_str(example);
        }
        Ok(text)
    }

    /// The rows of the examples; none where there are too few.
    fn rows(&mut self, asked: &Split, index: usize) -> Option<Vec<usize>> {
        let (n, len) = (self.n, self.split.len());
        let question = self.config.excludes_question().then(|| asked.doc(index));
        let differs = |row: &usize| question.is_none_or(|question| self.split.doc(*row) != question);
        if self.config.sampler == Sampler::First {
            let first: Vec<usize> = (0..len).filter(differs).take(n).collect();
            return (first.len() == n).then_some(first);
        }
        if question.is_none() {
            return self.random.sample(len, n);
        }
        // One more than needed, from which every copy of the question is taken out; if too few are left, a new draw
        // among the others.
        let mut drawn = self.random.sample(len, n + 1)?;
        drawn.retain(differs);
        if drawn.len() < n {
            let others: Vec<usize> = (0..len).filter(differs).collect();
            return self.random.sample(others.len(), n).map(|picks| picks.into_iter().map(|i| others[i]).collect());
        }
        drawn.truncate(n);
        Some(drawn)
    }

    fn too_few(&self) -> Error {
        let (n, split, found) = (self.n, self.config.example_split(), self.split.len());
        let problem = format!("expected enough rows in `{split}` for {n} examples beside the question, found {found}");
        Error::Task { file: self.config.file.display().to_string(), place: "`num_fewshot`".into(), problem }
    }
}
