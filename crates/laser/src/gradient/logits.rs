//! Logits of consecutive rows, with the log-probabilities read from them and the gradient of a loss at them.

use laser_kernels::exp;
use laser_kernels::logits::{LogitsSummary, summarise};

/// Derivative of a loss with respect to `log p(token)` at one logit row.
pub(super) struct LogProbGradient {
    /// Position among the logit rows of the batch.
    pub(super) row: usize,
    pub(super) token: u32,
    /// `∂loss/∂log p(token)`.
    pub(super) weight: f64,
}

/// Logits `[rows, vocab]` of consecutive logit rows of a batch.
pub(super) struct LogitRows<'a> {
    values: &'a [f32],
    vocab: usize,
    /// Position of the first row among the logit rows of the batch.
    start: usize,
    summaries: Vec<LogitsSummary>,
}

impl<'a> LogitRows<'a> {
    pub(super) fn new(values: &'a [f32], rows: usize, start: usize) -> Self {
        let vocab = values.len() / rows.max(1);
        Self { values, vocab, start, summaries: values.chunks_exact(vocab.max(1)).map(summarise).collect() }
    }

    /// The logits of one row, `[vocab]`.
    fn row(&self, row: usize) -> &[f32] {
        &self.values[(row - self.start) * self.vocab..][..self.vocab]
    }

    /// The logit of a token.
    pub(super) fn logit(&self, row: usize, token: u32) -> f64 {
        f64::from(self.row(row)[token as usize])
    }

    /// The log-probability of a token, nats.
    pub(super) fn logprob(&self, row: usize, token: u32) -> f64 {
        self.logit(row, token) - self.summaries[row - self.start].log_partition
    }

    /// The most likely token other than `token`.
    pub(super) fn best_other(&self, row: usize, token: u32) -> u32 {
        let mut best = None;
        for (other, logit) in (0u32..).zip(self.row(row)) {
            if other != token && best.is_none_or(|(_, most)| *logit > most) {
                best = Some((other, *logit));
            }
        }
        best.map_or(token, |(other, _)| other)
    }

    /// Adds the gradient at the logits to `gradient [rows, vocab]`: `weight·(onehot − softmax)` in the row of each part.
    pub(super) fn add_gradient(&self, parts: &[LogProbGradient], gradient: &mut [f32]) {
        // The softmax terms of a row are subtracted once, with the sum of the row's weights.
        let mut totals: Vec<(usize, f64)> = Vec::new();
        for part in parts {
            gradient[(part.row - self.start) * self.vocab + part.token as usize] += part.weight as f32;
            match totals.iter_mut().find(|(row, _)| *row == part.row) {
                Some((_, total)) => *total += part.weight,
                None => totals.push((part.row, part.weight)),
            }
        }
        // Differences of two logits in one row have a total of zero, and no softmax term.
        for (row, total) in totals.into_iter().filter(|(_, total)| *total != 0.0) {
            let partition = self.summaries[row - self.start].log_partition;
            let gradient = &mut gradient[(row - self.start) * self.vocab..][..self.vocab];
            for (g, logit) in gradient.iter_mut().zip(self.row(row)) {
                *g -= total as f32 * exp((f64::from(*logit) - partition) as f32);
            }
        }
    }
}
