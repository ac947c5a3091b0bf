//! Likeness of words to a model: cosines of their rows of the output head, or of the token embedding.

use laser_kernels::weight::Weight;
use laser_model::Model;
use laser_model::error::Error as ModelError;

use crate::error::Result;

/// Rows of a matrix `[words, width]` of all words, centred over the vocabulary and of length 1.
#[derive(Debug, Clone)]
pub struct WordDirections {
    width: usize,
    /// `[words, width]`, row-major.
    rows: Vec<f32>,
}

impl WordDirections {
    /// The rows of a model's output head.
    ///
    /// # Errors
    /// A model that predicts no words.
    pub fn of(model: &Model) -> Result<Self> {
        let head = model.weights().head.tokens.as_ref();
        Self::of_matrix(&head.ok_or_else(|| ModelError::setting("model", "expected one that predicts words"))?.weight)
    }

    /// The rows of a model's token embedding; `None` if they are those of its output head.
    ///
    /// # Errors
    /// A model that reads no tokens.
    pub fn of_embedding(model: &Model) -> Result<Option<Self>> {
        if model.config().head.tied {
            return Ok(None);
        }
        let tokens = model.weights().embedding.tokens.as_ref();
        let tokens = tokens.ok_or_else(|| ModelError::setting("model", "expected one that reads tokens"))?;
        Self::of_matrix(tokens).map(Some)
    }

    fn of_matrix(matrix: &Weight) -> Result<Self> {
        let [_, width] = matrix.dims()?;
        Ok(Self::new(matrix.to_values()?, width))
    }

    /// From rows `[words, width]`.
    fn new(mut rows: Vec<f32>, width: usize) -> Self {
        let n = (rows.len() / width.max(1)).max(1) as f64;
        let mut mean = vec![0.0f64; width];
        for row in rows.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / n);
        }
        for row in rows.chunks_exact_mut(width) {
            row.iter_mut().zip(&mean).for_each(|(x, mean)| *x -= *mean as f32);
            let length = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            // A word exactly at the mean has no direction; its cosine with all others is 0.
            if length > 0.0 {
                row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
            }
        }
        Self { width, rows }
    }

    /// Cosine of two words, −1..=1.
    pub fn cosine(&self, a: u32, b: u32) -> f64 {
        let row = |word: u32| &self.rows[word as usize * self.width..(word as usize + 1) * self.width];
        row(a).iter().zip(row(b)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    /// The `n` words with the largest cosine with a direction `[width]`, the largest first; none for a direction of length 0.
    pub fn nearest(&self, direction: &[f32], n: usize) -> Vec<(u32, f64)> {
        let length = direction.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        if length == 0.0 {
            return Vec::new();
        }
        let cosine = |row: &[f32]| row.iter().zip(direction).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let mut words: Vec<(u32, f64)> =
            (0u32..).zip(self.rows.chunks_exact(self.width).map(|row| cosine(row) / length)).collect();
        words.sort_by(|a, b| b.1.total_cmp(&a.1));
        words.truncate(n);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_of_centred_rows() {
        // Mean (1, 1); centred: (2, 0), (−1, 1), (−1, −1), (0, 0).
        let words = WordDirections::new(vec![3.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 1.0], 2);
        let half = 0.5f64.sqrt();
        for (a, b, expected) in [(0, 0, 1.0), (0, 1, -half), (1, 2, 0.0), (0, 3, 0.0)] {
            assert!((words.cosine(a, b) - expected).abs() < 1e-6, "{a} {b}: {}", words.cosine(a, b));
        }
    }

    #[test]
    fn the_nearest_words_come_first() {
        let words = WordDirections::new(vec![3.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 1.0], 2);
        let nearest = words.nearest(&[5.0, 0.0], 2);
        assert_eq!(nearest.iter().map(|(word, _)| *word).collect::<Vec<_>>(), [0, 3]);
        assert!((nearest[0].1 - 1.0).abs() < 1e-6 && nearest[1].1.abs() < 1e-6);
        assert!(words.nearest(&[0.0, 0.0], 2).is_empty());
    }
}
