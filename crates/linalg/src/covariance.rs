//! The covariance of a matrix's inputs: takes rows of activations with weights D, gives C = XᵀDX/ΣD, summed in f64.
//!
//! No mean is subtracted: C is the matrix of second moments, which decides how much an error in W changes the outputs.

use crate::backend::{self, Mat, MatMut, MatRef, Par};
use crate::error::LinalgError;
use crate::matrix::MatrixView;

/// Number of columns of C that one task sums. It does not depend on the number of threads, so that the threads change
/// no bit of the result.
const PANEL: usize = 64;

/// The running sums Σ_t wₜ·xₜ·xₜᵀ and Σ_t wₜ over rows xₜ with weights wₜ (the number of times each row occurs).
#[derive(Debug, Clone)]
pub struct Covariance {
    /// The sum of products, column-major \[size, size\]. Only the lower triangle is used; above it, the square
    /// blocks on the diagonal are filled as well, and the rest is zero.
    sums: Vec<f64>,
    /// Number of entries of a row.
    size: usize,
    /// The sum of weights.
    weight: f64,
}

impl Covariance {
    /// Makes the covariance of no rows yet; rows will have `size` entries.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { sums: vec![0.0; size * size], size, weight: 0.0 }
    }

    /// Number of entries of a row.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of rows added, Σ wₜ, where each row counts by its weight.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Adds the rows of `x` \[rows, size\] on `threads` threads; row t counts `weights[t]` times, and 0 leaves it out.
    ///
    /// The same calls in the same order give the same bits on any number of threads.
    ///
    /// # Errors
    /// [`LinalgError::InputSize`] if rows do not have `size` entries, [`LinalgError::NotFinite`] if an entry is NaN or
    /// infinite.
    ///
    /// # Panics
    /// If the number of weights differs from the number of rows.
    pub fn add(&mut self, x: MatrixView<'_>, weights: &[f64], threads: usize) -> Result<(), LinalgError> {
        assert_eq!(weights.len(), x.rows(), "one weight a row");
        if x.cols() != self.size {
            return Err(LinalgError::InputSize { expected: self.size, found: x.cols() });
        }
        x.check_finite()?;
        // Rows are scaled by √w, so that one product of the scaled rows sums the weighted squares.
        let used = || (0..x.rows()).filter(|&t| weights[t] > 0.0);
        let rows = used().count();
        if rows == 0 {
            return Ok(());
        }
        let scaled: Vec<f64> =
            used().flat_map(|t| x.row(t).iter().map(move |&v| f64::from(v) * weights[t].sqrt())).collect(); // [rows, size]
        self.add_products(&scaled, rows, threads);
        self.weight += weights.iter().sum::<f64>();
        Ok(())
    }

    /// Adds XᵀX of the `scaled` rows X \[rows, size\] to the lower triangle of the sums, on `threads` threads.
    fn add_products(&mut self, scaled: &[f64], rows: usize, threads: usize) {
        let size = self.size;
        let panels = self.sums.chunks_mut(size * PANEL).enumerate();
        let tasks = threads.max(1);
        let mut shares: Vec<Vec<_>> = (0..tasks).map(|_| Vec::new()).collect();
        // Dealt out in turns, because panels further right have fewer rows below the diagonal.
        for (i, panel) in panels {
            shares[i % tasks].push((i * PANEL, panel));
        }
        let work = |share: Vec<(usize, &mut [f64])>| {
            let x = MatRef::from_row_major_slice(scaled, rows, size);
            for (first, panel) in share {
                let width = panel.len() / size;
                let to = MatMut::from_column_major_slice_mut(panel, size, width).subrows_mut(first, size - first);
                backend::accumulate(to, x.subcols(first, size - first).transpose(), x.subcols(first, width));
            }
        };
        std::thread::scope(|scope| {
            // The calling thread takes the first share instead of waiting.
            let mut shares = shares.into_iter();
            let own = shares.next().unwrap_or_default();
            shares.filter(|share| !share.is_empty()).for_each(|share| {
                scope.spawn(move || work(share));
            });
            work(own);
        });
    }

    /// Entry C\[i, j\] = Σ_t wₜ·xₜᵢ·xₜⱼ/Σ_t wₜ; 0 while there are no rows.
    ///
    /// # Panics
    /// If an index is not below [`size`](Self::size).
    #[must_use]
    pub fn get(&self, i: usize, j: usize) -> f64 {
        assert!(i < self.size && j < self.size, "entry ({i}, {j}) of a covariance of size {}", self.size);
        let (row, col) = if i >= j { (i, j) } else { (j, i) };
        if self.weight > 0.0 { self.sums[col * self.size + row] / self.weight } else { 0.0 }
    }

    /// Mean square of the entries of a row, tr(C)/size.
    #[must_use]
    pub fn mean_square(&self) -> f64 {
        (0..self.size).map(|i| self.get(i, i)).sum::<f64>() / self.size.max(1) as f64
    }

    /// Computes a square root S \[size, size\] with S·Sᵀ = C + ridge·I, as S = Q·√Λ from the eigendecomposition Q·Λ·Qᵀ.
    pub(crate) fn root(&self, ridge: f64, par: Par) -> Result<Mat<f64>, LinalgError> {
        let c = Mat::from_fn(self.size, self.size, |i, j| self.get(i, j) + if i == j { ridge } else { 0.0 });
        let (values, mut root) = backend::symmetric_eigen(c.as_ref(), par)
            .map_err(|_| LinalgError::NoConvergence { rows: self.size, cols: self.size })?;
        for (j, value) in values.into_iter().enumerate() {
            // Rounding may make an eigenvalue of a singular C negative.
            let scale = value.max(0.0).sqrt();
            root.col_mut(j).iter_mut().for_each(|x| *x *= scale);
        }
        Ok(root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::test_matrices::gaussian;

    #[test]
    fn sums_agree_with_the_definition_for_any_number_of_threads() {
        // More columns than two panels, and a last panel that is not full.
        let (a, b) = (gaussian(7, 150, 1), gaussian(3, 150, 2));
        let weights = [1.0, 0.0, 2.0, 1.0, 5.0, 1.0, 1.0];
        let of = |threads| {
            let mut c = Covariance::new(150);
            c.add(a.view(), &weights, threads).unwrap();
            c.add(b.view(), &[1.0; 3], threads).unwrap();
            c
        };
        let c = of(1);
        assert_eq!(c.weight(), 14.0);
        for i in 0..150 {
            for j in 0..150 {
                let product = |m: &Matrix, t: usize| f64::from(m.row(t)[i]) * f64::from(m.row(t)[j]);
                let sum = (0..7).map(|t| weights[t] * product(&a, t)).sum::<f64>()
                    + (0..3).map(|t| product(&b, t)).sum::<f64>();
                assert!((c.get(i, j) - sum / 14.0).abs() < 1e-12, "({i}, {j})");
            }
        }
        for threads in [2, 3, 8] {
            assert_eq!(of(threads).sums, c.sums, "{threads} threads");
        }
    }

    #[test]
    fn the_root_squares_to_the_covariance_even_if_it_is_singular() {
        let mut c = Covariance::new(9);
        c.add(gaussian(4, 9, 5).view(), &[1.0; 4], 1).unwrap();
        for ridge in [0.0, 0.25] {
            let root = c.root(ridge, Par::Seq).unwrap();
            let square = backend::product(root.as_ref(), root.transpose(), Par::Seq);
            for i in 0..9 {
                for j in 0..9 {
                    let expected = c.get(i, j) + if i == j { ridge } else { 0.0 };
                    assert!((square[(i, j)] - expected).abs() < 1e-12, "({i}, {j})");
                }
            }
        }
    }

    #[test]
    fn rows_of_another_length_or_with_a_nan_are_refused() {
        let mut c = Covariance::new(4);
        let error = c.add(gaussian(2, 5, 1).view(), &[1.0; 2], 1).unwrap_err();
        assert_eq!(error, LinalgError::InputSize { expected: 4, found: 5 });
        let bad = Matrix::new(1, 4, vec![0.0, f32::NAN, 0.0, 0.0]).unwrap();
        assert!(matches!(c.add(bad.view(), &[1.0], 1), Err(LinalgError::NotFinite { row: 0, col: 1, .. })));
        assert_eq!((c.weight(), c.get(1, 1), c.mean_square()), (0.0, 0.0, 0.0));
    }
}
