//! The singular vectors of one side from those of the other: takes a matrix and its smaller factor, gives the larger one
//! up to rounding.

use crate::backend::{self, Mat, MatRef};
use crate::matrix::{Matrix, MatrixView};
use crate::svd::{columns_as_columns, columns_as_rows};

/// The smaller one of the two factors of a decomposition, in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallerFactor {
    /// Uᵀ of a wide matrix; the larger factor is Vᵀ.
    Left,
    /// Vᵀ of a tall or square matrix; the larger factor is U.
    Right,
}

impl SmallerFactor {
    /// The smaller factor of the decomposition of a matrix `[m, n]`.
    pub fn of(m: usize, n: usize) -> Self {
        if m < n { Self::Left } else { Self::Right }
    }
}

/// The larger factor that follows from the smaller one: U `[m, k]` = W·V/σ of a tall matrix W `[m, n]`, whose `known`
/// factor is Vᵀ `[k, n]`; Vᵀ `[k, n]` = (Wᵀ·U/σ)ᵀ of a wide one, whose `known` factor is U `[m, k]`.
///
/// It differs from the exact factor by the rounding of the known one, multiplied by about σ₁/σᵢ; entries that would be
/// infinite, where σᵢ is 0, are 0. The same input and number of threads give the same bits.
///
/// # Panics
/// If the factor or the values do not belong to a decomposition of a matrix of that shape.
#[must_use]
pub fn implied_vectors(w: MatrixView<'_>, s: &[f64], known: &Matrix, threads: usize) -> Matrix {
    let [m, n, k] = [w.rows(), w.cols(), s.len()];
    let smaller = SmallerFactor::of(m, n);
    let expected = if smaller == SmallerFactor::Right { [k, n] } else { [m, k] };
    assert_eq!([known.rows(), known.cols()], expected, "the factor belongs to another matrix");
    let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let (values, factor) = (wide(w.data()), wide(known.data()));
    let par = backend::parallelism(threads);
    let a = MatRef::from_row_major_slice(&values, m, n);
    let f = MatRef::from_row_major_slice(&factor, known.rows(), known.cols());
    let mut product: Mat<f64> = match smaller {
        SmallerFactor::Right => backend::product(a, f.transpose(), par),
        SmallerFactor::Left => backend::product(a.transpose(), f, par),
    };
    for (j, &sigma) in s.iter().enumerate() {
        product.col_mut(j).iter_mut().for_each(|x| {
            let divided = *x / sigma;
            *x = if divided.is_finite() { divided } else { 0.0 };
        });
    }
    let order: Vec<usize> = (0..k).collect();
    match smaller {
        SmallerFactor::Right => columns_as_columns(&product, &order),
        SmallerFactor::Left => columns_as_rows(&product, &order),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svd::{Method, decompose};
    use crate::test_matrices::{gaussian, with_spectrum};

    #[test]
    fn the_larger_factor_follows_from_the_smaller_one() {
        for (m, n) in [(40, 24), (24, 40), (30, 30)] {
            let w = gaussian(m, n, 3);
            let svd = decompose(w.view(), Method::Auto, 1).unwrap();
            let (known, other) = if m < n { (&svd.u, &svd.vt) } else { (&svd.vt, &svd.u) };
            for threads in [1, 3] {
                let implied = implied_vectors(w.view(), &svd.s, known, threads);
                let worst = implied.data().iter().zip(other.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-4, "{m} x {n}: {worst}");
            }
        }
    }

    #[test]
    fn components_without_size_give_zeros() {
        let w = with_spectrum(12, 8, &[2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 7);
        let mut svd = decompose(w.view(), Method::Auto, 1).unwrap();
        svd.s[2..].fill(0.0);
        let implied = implied_vectors(w.view(), &svd.s, &svd.vt, 1);
        assert!(implied.data().iter().all(|x| x.is_finite()));
    }
}
