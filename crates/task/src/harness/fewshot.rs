//! Draws the few-shot examples of each question.
//!
//! One random generator serves all questions in their order, as in the harness. So the examples of a question depend on
//! how many questions come before it, but not on how many after it: a limit on the items does not change them.

use super::config::TaskConfig;
use super::config::fewshot::Sampler;
use super::python_random::PythonRandom;
use super::row_renderer::RowRenderer;
use super::split_rows::SplitRows;
use crate::error::{Error, Result};

/// Draws the examples of one question after the other.
pub(super) struct FewshotExamples<'a> {
    config: &'a TaskConfig,
    renderer: &'a RowRenderer<'a>,
    /// The rows that examples are drawn from.
    split: &'a SplitRows,
    random: PythonRandom,
    /// Examples per question.
    n: usize,
    /// Rendered text of each row of `split`, filled when the row is first drawn.
    rendered: Vec<Option<String>>,
}

impl<'a> FewshotExamples<'a> {
    /// Prepares to draw `n` examples per question from `split`, with the harness's few-shot seed.
    pub(super) fn new(
        config: &'a TaskConfig,
        renderer: &'a RowRenderer<'a>,
        split: &'a SplitRows,
        n: usize,
        seed: u64,
    ) -> Self {
        Self { config, renderer, split, random: PythonRandom::new(seed), n, rendered: vec![None; split.len()] }
    }

    /// The text of the examples for row `index` of `questions`; empty without examples.
    ///
    /// # Errors
    /// Too few rows, or a drawn row that cannot be rendered as an example.
    pub(super) fn next(&mut self, questions: &SplitRows, index: usize) -> Result<String> {
        if self.n == 0 {
            return Ok(String::new());
        }
        let mut text = String::new();
        for row in self.draw(questions, index).ok_or_else(|| self.too_few())? {
            let example = match &self.rendered[row] {
                Some(example) => example,
                None => {
                    let example = self.renderer.example(self.split.doc(row));
                    let example = example.map_err(|bad| self.split.row(row).error(&bad))?;
                    self.rendered[row].insert(example)
                }
            };
            text.push_str(example);
        }
        Ok(text)
    }

    /// Indices of the rows drawn for a question; `None` if there are too few.
    fn draw(&mut self, questions: &SplitRows, index: usize) -> Option<Vec<usize>> {
        let (n, len) = (self.n, self.split.len());
        let question = self.config.splits.excludes_question().then(|| questions.doc(index));
        let differs = |row: &usize| question.is_none_or(|question| self.split.doc(*row) != question);
        if self.config.fewshot.sampler == Sampler::FirstN {
            let first: Vec<usize> = (0..len).filter(differs).take(n).collect();
            return (first.len() == n).then_some(first);
        }
        if question.is_none() {
            return self.random.sample(len, n);
        }
        // As the harness does it: draw one row more than needed and drop those equal to the question. If the question
        // occurs several times and too few rows are left, draw again among the rows that differ.
        let mut drawn = self.random.sample(len, n.checked_add(1)?)?;
        drawn.retain(differs);
        if drawn.len() < n {
            let others: Vec<usize> = (0..len).filter(differs).collect();
            return self.random.sample(others.len(), n).map(|picks| picks.into_iter().map(|i| others[i]).collect());
        }
        drawn.truncate(n);
        Some(drawn)
    }

    fn too_few(&self) -> Error {
        let (n, split, found) = (self.n, self.config.splits.examples(), self.split.len());
        let problem = format!("expected enough rows in `{split}` for {n} examples beside the question, found {found}");
        self.config.error("num_fewshot", problem)
    }
}
