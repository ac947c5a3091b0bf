//! How alike two words are to a model: the cosine of their rows of the output head.

use laser::Result;
use laser::model::Model;
use laser::model::error::Error as ModelError;

/// Rows of the output head of all words, centred over the vocabulary and of length 1.
#[derive(Debug, Clone)]
pub struct WordDirections {
    width: usize,
    /// `[words, d_model]`, row-major.
    rows: Vec<f32>,
}

impl WordDirections {
    /// The directions of a model's words.
    ///
    /// # Errors
    /// A model that reads no tokens.
    pub fn of(model: &Model) -> Result<Self> {
        let head = model.weights().head.tokens.as_ref();
        let head = &head.ok_or_else(|| ModelError::setting("model", "expected one that predicts words"))?.weight;
        let [_, width] = head.dims()?;
        Ok(Self::new(head.to_values()?, width))
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
}
