//! The change of one matrix by one adapter: takes the factors, gives W + s·B·A, or DoRA's rescaled form of it.

use rayon::prelude::*;

/// An update s·L·R of a matrix `[rows, cols]`.
#[derive(Debug)]
pub(super) struct Update {
    /// L, `[rows, rank]`: `B` of a linear layer, `Aᵀ` of an embedding.
    pub(super) left: Vec<f32>,
    /// R, `[rank, cols]`: `A` of a linear layer, `Bᵀ` of an embedding.
    pub(super) right: Vec<f32>,
    pub(super) rank: usize,
    pub(super) scale: f32,
    pub(super) magnitude: Option<Magnitude>,
}

/// DoRA: norms that the result's rows or columns have.
#[derive(Debug)]
pub(super) enum Magnitude {
    /// Of each row, `[rows]`: linear layers.
    Rows(Vec<f32>),
    /// Of each column, `[cols]`: embeddings, which PEFT stores transposed.
    Cols(Vec<f32>),
}

impl Update {
    /// Row `row` of s·L·R, into `out [cols]`.
    fn row(&self, row: usize, out: &mut [f32]) {
        out.fill(0.0);
        for (k, right) in self.right.chunks_exact(out.len()).enumerate() {
            let factor = self.left[row * self.rank + k];
            out.iter_mut().zip(right).for_each(|(out, right)| *out += factor * right);
        }
        out.iter_mut().for_each(|out| *out *= self.scale);
    }

    /// Applies the update to `values [rows, cols]`. `base [rows, cols]`: the weights before any update, whose norms DoRA
    /// takes; several adapters are applied one after the other, as PEFT does.
    pub(super) fn apply(&self, values: &mut [f32], base: Option<&[f32]>, cols: usize) {
        if cols == 0 {
            return;
        }
        let of_cols = match &self.magnitude {
            Some(Magnitude::Cols(magnitude)) => {
                let norms = self.column_norms(base.unwrap_or(values), cols);
                Some(magnitude.iter().zip(norms).map(|(m, norm)| (f64::from(*m) / norm) as f32).collect::<Vec<f32>>())
            }
            _ => None,
        };
        let change = |delta: &mut Vec<f32>, (row, values): (usize, &mut [f32])| {
            self.row(row, delta);
            let before = base.map(|base| &base[row * cols..(row + 1) * cols]);
            let norm = match &self.magnitude {
                Some(Magnitude::Rows(_)) => norm_of_sum(before.unwrap_or(values), delta),
                _ => 1.0,
            };
            values.iter_mut().zip(&*delta).for_each(|(value, delta)| *value += delta);
            match (&self.magnitude, &of_cols) {
                (Some(Magnitude::Rows(magnitude)), _) => {
                    let factor = (f64::from(magnitude[row]) / norm) as f32;
                    values.iter_mut().for_each(|value| *value *= factor);
                }
                (_, Some(factors)) => values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor),
                _ => {}
            }
        };
        values.par_chunks_mut(cols).enumerate().for_each_init(|| vec![0.0; cols], change);
    }

    /// Norms of the columns of `base + s·L·R`, `[cols]`.
    fn column_norms(&self, base: &[f32], cols: usize) -> Vec<f64> {
        let mut squares = vec![0.0; cols];
        let mut delta = vec![0.0; cols];
        for (row, base) in base.chunks_exact(cols).enumerate() {
            self.row(row, &mut delta);
            for (square, (base, delta)) in squares.iter_mut().zip(base.iter().zip(&delta)) {
                *square += f64::from(base + delta).powi(2);
            }
        }
        squares.into_iter().map(f64::sqrt).collect()
    }
}

/// The norm ‖a + b‖ of two rows.
fn norm_of_sum(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a + b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // [2, 3]

    fn update(magnitude: Option<Magnitude>) -> Update {
        // L·R = [[1, 0, 2], [3, 0, 6]]
        Update { left: vec![1.0, 3.0], right: vec![1.0, 0.0, 2.0], rank: 1, scale: 0.5, magnitude }
    }

    #[test]
    fn a_plain_update_is_added() {
        let mut values = W;
        update(None).apply(&mut values, None, 3);
        assert_eq!(values, [1.5, 2.0, 4.0, 5.5, 5.0, 9.0]);
    }

    #[test]
    fn rows_and_columns_get_the_norms_that_dora_sets() {
        let mut values = W;
        update(Some(Magnitude::Rows(vec![2.0, 3.0]))).apply(&mut values, None, 3);
        let norms: Vec<f64> = values.chunks(3).map(|row| norm_of_sum(row, &[0.0; 3])).collect();
        assert!((norms[0] - 2.0).abs() < 1e-6 && (norms[1] - 3.0).abs() < 1e-6, "{norms:?}");
        let mut values = W;
        update(Some(Magnitude::Cols(vec![2.0, 3.0, 4.0]))).apply(&mut values, None, 3);
        for (col, norm) in [2.0f32, 3.0, 4.0].into_iter().enumerate() {
            assert!((values[col].hypot(values[col + 3]) - norm).abs() < 1e-6, "{values:?}");
        }
    }

    #[test]
    fn a_second_adapter_takes_the_norms_of_the_unmerged_weights() {
        let mut values = W;
        update(None).apply(&mut values, None, 3);
        let first = values;
        update(Some(Magnitude::Rows(vec![1.0, 1.0]))).apply(&mut values, Some(&W), 3);
        // ‖W + s·L·R‖ of row 0: (1.5, 2, 4).
        let norm = (1.5f64 * 1.5 + 4.0 + 16.0).sqrt() as f32;
        assert!((values[0] - (first[0] + 0.5) / norm).abs() < 1e-6, "{values:?}");
    }
}
