//! Examples of a language model: sequences of tokens, each token predicted from those before it.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::slice::{Examples, Slice, Target};
use crate::error::{Error, Result};

/// A sequence of tokens to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The tokens; the first is not predicted.
    pub tokens: Vec<u32>,
    /// Number of tokens at the beginning that are given, not learned; at least 1 counts.
    pub given: usize,
}

/// Sequences in an order of their own for each pass over them.
#[derive(Debug, Clone)]
pub struct TextExamples {
    sequences: Vec<Sequence>,
    /// Sequences in a step.
    batch: usize,
    /// Number of rows of a slice, about; it must not depend on the number of threads.
    slice_rows: usize,
    seed: u64,
}

impl TextExamples {
    /// Examples with `batch` sequences a step, in slices of about `slice_rows` rows.
    ///
    /// # Errors
    /// No sequence with a token to learn, or a batch of nothing.
    pub fn new(sequences: Vec<Sequence>, batch: usize, slice_rows: usize, seed: u64) -> Result<Self> {
        let sequences: Vec<Sequence> = sequences.into_iter().filter(|s| s.tokens.len() > s.given.max(1)).collect();
        if sequences.is_empty() {
            return Err(Error::setting("examples", "expected at least one sequence with a token to learn, found none"));
        }
        if batch == 0 {
            return Err(Error::setting("batch", "expected at least 1 sequence a step, found 0"));
        }
        Ok(Self { sequences, batch, slice_rows, seed })
    }

    /// Number of sequences.
    pub fn len(&self) -> usize {
        self.sequences.len()
    }

    /// Whether there are none; never, because such examples are refused.
    pub fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    /// The sequences of a step: consecutive ones in the orders of all passes, one after the other.
    fn of_step(&self, step: usize) -> Vec<&Sequence> {
        let n = self.sequences.len();
        let (mut pass, mut order) = (usize::MAX, Vec::new());
        let mut chosen = Vec::with_capacity(self.batch);
        for at in (step - 1) * self.batch..step * self.batch {
            if at / n != pass {
                pass = at / n;
                order = self.order(pass);
            }
            chosen.push(&self.sequences[order[at % n]]);
        }
        chosen
    }

    /// The order of a pass over all sequences.
    fn order(&self, pass: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(pass as u64);
        let mut order: Vec<usize> = (0..self.sequences.len()).collect();
        order.shuffle(&mut rng);
        order
    }
}

impl Examples for TextExamples {
    fn batch(&self, step: usize) -> Result<Vec<Slice>> {
        let mut slices = vec![Slice::default()];
        for Sequence { tokens, given } in self.of_step(step) {
            let mut slice = slices.pop().unwrap_or_default();
            if slice.layout.len() >= self.slice_rows {
                slices.push(std::mem::take(&mut slice));
            }
            // The last token predicts nothing.
            let (start, inputs) = (slice.layout.len(), &tokens[..tokens.len() - 1]);
            slice.layout.push(inputs, 0, Vec::new());
            let learned = (*given).max(1)..tokens.len();
            slice.targets.extend(learned.map(|at| Target { row: start + at - 1, class: tokens[at], weight: 1.0 }));
            slices.push(slice);
        }
        Ok(slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences() -> Vec<Sequence> {
        (0..7u32).map(|i| Sequence { tokens: (0..3 + i % 3).map(|t| 10 * i + t).collect(), given: 1 }).collect()
    }

    #[test]
    fn every_pass_has_every_sequence_once_in_another_order() {
        let examples = TextExamples::new(sequences(), 7, 1000, 3).expect("examples");
        let firsts = |step| {
            let slices = examples.batch(step).expect("a batch");
            let rows: Vec<u32> =
                slices[0].layout.segments.iter().map(|s| slices[0].layout.tokens[s.rows.start]).collect();
            rows
        };
        let (one, two) = (firsts(1), firsts(2));
        assert_ne!(one, two);
        for mut firsts in [one, two] {
            firsts.sort_unstable();
            assert_eq!(firsts, [0, 10, 20, 30, 40, 50, 60]);
        }
    }

    #[test]
    fn targets_are_the_next_tokens_and_given_ones_are_not_learned() {
        let sequence = Sequence { tokens: vec![5, 6, 7, 8], given: 3 };
        let examples = TextExamples::new(vec![sequence], 2, 3, 0).expect("examples");
        let slices = examples.batch(1).expect("a batch");
        assert_eq!(slices.len(), 2, "a slice is full at three rows");
        for slice in slices {
            assert_eq!(slice.layout.tokens, [5, 6, 7]);
            assert_eq!(slice.targets, [Target { row: 2, class: 8, weight: 1.0 }]);
        }
    }

    #[test]
    fn nothing_to_learn_is_refused() {
        let none = TextExamples::new(vec![Sequence { tokens: vec![1], given: 0 }], 1, 1, 0);
        assert!(none.expect_err("nothing").to_string().starts_with("examples: expected at least one sequence"));
    }
}
