//! The exact decomposition of a product B·A of two thin factors, without computing the product.
//!
//! B = Q₁R₁ and Aᵀ = Q₂R₂ reduce it to the decomposition of R₁R₂ᵀ \[r, r\], so that the cost grows with r² instead of
//! with the smaller dimension of the product.

use crate::backend::{self, Mat, MatRef, NoConvergence};
use crate::error::LinalgError;
use crate::matrix::{Matrix, MatrixView};
use crate::svd::{Method, Svd, decompose, scaled_to_f64};

/// Components below this share of the largest are rounding errors of a product that has a smaller rank.
const NEGLIGIBLE: f64 = 1e-10;

/// Decomposes B·A with B \[m, r\] and A \[r, n\] on one thread; gives the components that are not zero, at most
/// min(m, n, r).
///
/// # Errors
/// [`LinalgError::Shape`] if the factors do not fit, [`LinalgError::NotFinite`], [`LinalgError::NoConvergence`].
pub fn decompose_product(b: MatrixView<'_>, a: MatrixView<'_>) -> Result<Svd, LinalgError> {
    let [m, r, n] = [b.rows(), b.cols(), a.cols()];
    if a.rows() != r {
        return Err(LinalgError::Shape { rows: r, cols: n, found: a.data().len() });
    }
    b.check_finite()?;
    a.check_finite()?;
    let par = backend::parallelism(1);
    let ((b_data, b_scale), (a_data, a_scale)) = (scaled_to_f64(b), scaled_to_f64(a));
    let (left, right) =
        (MatRef::from_row_major_slice(&b_data, m, r), MatRef::from_row_major_slice(&a_data, r, n).transpose());
    let svd = if r == 0 || m == 0 || n == 0 {
        Svd { u: Matrix::zeros(m, 0), s: Vec::new(), vt: Matrix::zeros(0, n) }
    } else if r > m.min(n) {
        let product = backend::product(left, right.transpose(), par);
        let values = (0..m * n).map(|i| product[(i / n, i % n)] as f32).collect();
        let svd = decompose(Matrix::new(m, n, values)?.view(), Method::Thin, 1)?;
        Svd { s: svd.s.iter().map(|s| s * b_scale * a_scale).collect(), ..svd }
    } else {
        let (q1, r1) = backend::thin_qr(left.to_owned(), par);
        let (q2, r2) = backend::thin_qr(right.to_owned(), par);
        let core: Mat<f64> = backend::product(r1.as_ref(), r2.transpose(), par); // [r, r]
        let mut factors = backend::thin_svd(core.as_ref(), par)
            .map_err(|NoConvergence| LinalgError::NoConvergence { rows: m, cols: n })?;
        factors.left = backend::product(q1.as_ref(), factors.left.as_ref(), par);
        factors.right = backend::product(q2.as_ref(), factors.right.as_ref(), par);
        factors.into_svd(b_scale * a_scale)
    };
    Ok(without_zeros(svd))
}

/// The components that are not zero.
fn without_zeros(svd: Svd) -> Svd {
    let largest = svd.s.first().copied().unwrap_or(0.0);
    let rank = svd.s.iter().take_while(|s| **s > NEGLIGIBLE * largest).count();
    if rank == svd.s.len() {
        return svd;
    }
    let [m, n] = [svd.u.rows(), svd.vt.cols()];
    let u = (0..m).flat_map(|i| svd.u.row(i)[..rank].iter().copied()).collect();
    let vt = svd.vt.data()[..rank * n].to_vec();
    let fits = "as many values as the shape says, because they were cut so";
    Svd {
        u: Matrix::new(m, rank, u).expect(fits),
        s: svd.s[..rank].to_vec(),
        vt: Matrix::new(rank, n, vt).expect(fits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::relative_error;
    use crate::test_matrices::gaussian;
    use crate::truncate::truncate;

    fn product(b: &Matrix, a: &Matrix) -> Matrix {
        let at = |i: usize, j: usize| {
            (0..a.rows()).map(|k| f64::from(b.row(i)[k]) * f64::from(a.row(k)[j])).sum::<f64>() as f32
        };
        let n = a.cols();
        Matrix::new(b.rows(), n, (0..b.rows() * n).map(|x| at(x / n, x % n)).collect()).unwrap()
    }

    #[test]
    fn the_factors_give_the_decomposition_of_the_product() {
        for (m, r, n) in [(30, 4, 20), (20, 4, 30), (9, 9, 9), (6, 9, 7), (5, 1, 40)] {
            let (b, a) = (gaussian(m, r, 1), gaussian(r, n, 2));
            let (found, w) = (decompose_product(b.view(), a.view()).unwrap(), product(&b, &a));
            let expected = decompose(w.view(), Method::Thin, 1).unwrap();
            assert_eq!(found.s.len(), r.min(m).min(n));
            for (found, expected) in found.s.iter().zip(&expected.s) {
                assert!((found / expected - 1.0).abs() < 1e-5, "{m} {r} {n}: {found}, expected {expected}");
            }
            let again = truncate(&found, found.s.len()).materialise(1);
            assert!(relative_error(again.view(), w.view()) < 1e-5);
        }
    }

    #[test]
    fn zero_components_are_left_out() {
        // The same factors twice: rank 3 of 6.
        let (b, a) = (gaussian(20, 3, 1), gaussian(3, 10, 2));
        let twice = |row: &[f32]| [row, row].concat();
        let b2 = Matrix::new(20, 6, (0..20).flat_map(|i| twice(b.row(i))).collect()).unwrap();
        let a2 = Matrix::new(6, 10, twice(a.data())).unwrap();
        let (one, two) =
            (decompose_product(b.view(), a.view()).unwrap(), decompose_product(b2.view(), a2.view()).unwrap());
        assert_eq!(two.s.len(), 3);
        assert!(one.s.iter().zip(&two.s).all(|(one, two)| (2.0 * one - two).abs() < 1e-9 * two));
        assert!(decompose_product(Matrix::zeros(4, 2).view(), gaussian(2, 5, 1).view()).unwrap().s.is_empty());
        assert!(decompose_product(b.view(), gaussian(2, 5, 1).view()).is_err());
    }
}
