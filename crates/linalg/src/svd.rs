//! The exact singular value decomposition: a weight in, its factors out, every ρ served by one.
//!
//! W = U·diag(σ)·Vᵀ with σ descending. All arithmetic is f64; the vectors are rounded to f32 at the
//! end. The usual route takes the eigenvectors V of the smaller Gram matrix and reads U off W·V.
//! That squares the condition number, so where σ falls below 1e-4·σ₁ the columns of W·V are made
//! orthogonal again by a QR factorisation, and the part of R that belongs to those small σ goes
//! through a bidiagonal SVD of its own ([`gram`]).

use crate::backend::{self, Factors, Mat, MatRef, NoConvergence, Par};
use crate::{LinalgError, Matrix, MatrixView};

/// The factors of a matrix \[m, n\] with k components, k = min(m, n) if the decomposition is exact.
///
/// Signs are fixed so that the entry of largest magnitude in each column of `u` (the first one, if
/// several are equal) is positive. Vectors of equal singular values are one orthonormal basis of
/// their common space among many.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// Left singular vectors, the columns of \[m, k\].
    pub u: Matrix,
    /// Singular values \[k\], descending.
    pub s: Vec<f64>,
    /// Right singular vectors, the rows of \[k, n\].
    pub vt: Matrix,
}

/// How to decompose; all agree within 1e-10·σ₁ in σ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The fastest, which is [`Method::Gram`] for every shape measured, square ones included.
    #[default]
    Auto,
    /// Eigenvectors of the smaller Gram matrix, refined where they are inaccurate.
    Gram,
    /// Bidiagonalisation: about twice the time of Gram, kept as the cross-check.
    Thin,
}

/// Below this σ/σ₁ vectors W·v/σ are not believed: their orthogonality error is about ε·(σ₁/σ)²
/// with ε = 2.2e-16, which here reaches 2e-8, a third of an f32 rounding.
const TRUSTED_RATIO: f64 = 1e-4;

/// Decomposes a matrix \[m, n\] on `threads` threads (0 counts as 1).
///
/// A method that does not converge gives way to the other one. The same input, method and number
/// of threads give the same bits; another number of threads may round differently.
///
/// # Errors
/// [`LinalgError::NotFinite`] for a NaN or an infinity, [`LinalgError::NoConvergence`] if neither
/// method converges.
///
/// ```
/// use laser_linalg::{Matrix, Method, decompose};
/// let w = Matrix::new(2, 3, vec![3.0, 0.0, 0.0, 0.0, 0.0, -2.0])?;
/// let svd = decompose(w.view(), Method::Auto, 1)?;
/// assert!((svd.s[0] - 3.0).abs() < 1e-12 && (svd.s[1] - 2.0).abs() < 1e-12);
/// assert_eq!([svd.u.rows(), svd.u.cols(), svd.vt.rows(), svd.vt.cols()], [2, 2, 2, 3]);
/// # Ok::<(), laser_linalg::LinalgError>(())
/// ```
pub fn decompose(w: MatrixView<'_>, method: Method, threads: usize) -> Result<Svd, LinalgError> {
    let [m, n] = [w.rows(), w.cols()];
    w.check_finite()?;
    if w.max_rank() == 0 {
        return Ok(Svd { u: Matrix::zeros(m, 0), s: Vec::new(), vt: Matrix::zeros(0, n) });
    }
    let par = backend::parallelism(threads);
    let (data, scale) = widened(w);
    let a = MatRef::from_row_major_slice(&data, m, n);
    Ok(factorise(a, method, par)?.into_svd(scale))
}

/// The factors of A \[m, n\], m, n ≥ 1; a method that does not converge gives way to the other one.
pub(crate) fn factorise(a: MatRef<'_, f64>, method: Method, par: Par) -> Result<Factors, LinalgError> {
    let [m, n] = [a.nrows(), a.ncols()];
    let tall = if m >= n { a } else { a.transpose() };
    let factors = match method {
        Method::Auto | Method::Gram => gram(tall, par).or_else(|NoConvergence| backend::thin_svd(tall, par)),
        Method::Thin => backend::thin_svd(tall, par).or_else(|NoConvergence| gram(tall, par)),
    };
    let factors = factors.map_err(|NoConvergence| LinalgError::NoConvergence { rows: m, cols: n })?;
    Ok(if m >= n { factors } else { factors.transposed() })
}

impl Factors {
    /// The factors of Aᵀ.
    pub(crate) fn transposed(self) -> Self {
        Self { left: self.right, s: self.s, right: self.left }
    }

    /// Sorts, rounds the vectors to f32, fixes the signs and multiplies σ by `scale`.
    pub(crate) fn into_svd(self, scale: f64) -> Svd {
        let mut order: Vec<usize> = (0..self.s.len()).collect();
        order.sort_by(|&i, &j| self.s[j].total_cmp(&self.s[i])); // stable, so equal σ keep their order
        let mut svd = Svd {
            u: columns_as_columns(&self.left, &order),
            s: order.iter().map(|&i| self.s[i] * scale).collect(),
            vt: columns_as_rows(&self.right, &order),
        };
        fix_signs(&mut svd);
        svd
    }
}

/// The elements in f64, divided by a power of two that brings the largest magnitude into \[1, 2),
/// and that power. Both steps are exact; they keep σ² within range whatever the units of W.
pub(crate) fn widened(w: MatrixView<'_>) -> (Vec<f64>, f64) {
    let largest = w.data().iter().fold(0.0f32, |a, x| a.max(x.abs()));
    let scale = if largest > 0.0 { f64::from(largest).log2().floor().exp2() } else { 1.0 };
    (w.data().iter().map(|&x| f64::from(x) / scale).collect(), scale)
}

/// Factors of a tall A \[m, n\] from V, the eigenvectors of AᵀA.
///
/// V is orthonormal to working precision and diagonalises AᵀA up to an error of about ε·σ₁². Column
/// i of A·V is therefore σᵢuᵢ, and uᵢᵀuⱼ is off by ε·σ₁²/(σᵢσⱼ): nothing for large σ, everything
/// for small ones. With A·V = Q·R the columns of Q are orthonormal whatever the rank; R is diagonal
/// but for entries of at most ε·σ₁²/σᵢ in row i. Those of the trusted rows are left out (an error
/// of 1e-11·σ₁ at most), and the block of the other rows is diagonalised by its own SVD.
fn gram(a: MatRef<'_, f64>, par: Par) -> Result<Factors, NoConvergence> {
    let ascending = backend::gram_eigenvectors(a, par)?;
    let v = ascending.as_ref().reverse_cols();
    let mut av = backend::product(a, v, par);
    let mut s: Vec<f64> = (0..av.ncols()).map(|j| av.col(j).norm_l2()).collect();
    let trusted = s[0] * TRUSTED_RATIO;
    let head = s.iter().position(|&x| x <= trusted).unwrap_or(s.len());
    if head == s.len() {
        for (j, &length) in s.iter().enumerate() {
            av.col_mut(j).iter_mut().for_each(|x| *x /= length);
        }
        return Ok(Factors { left: av, s, right: v.to_owned() });
    }
    let tail = s.len() - head;
    let (mut left, r) = backend::thin_qr(av, par);
    for j in 0..head {
        s[j] = r[(j, j)].abs();
        if r[(j, j)] < 0.0 {
            left.col_mut(j).iter_mut().for_each(|x| *x = -*x);
        }
    }
    let small = backend::thin_svd(r.as_ref().submatrix(head, head, tail, tail), par)?;
    let left_tail = backend::product(left.as_ref().subcols(head, tail), small.left.as_ref(), par);
    let right_tail = backend::product(v.subcols(head, tail), small.right.as_ref(), par);
    let mut right = v.to_owned();
    left.as_mut().subcols_mut(head, tail).copy_from(&left_tail);
    right.as_mut().subcols_mut(head, tail).copy_from(&right_tail);
    s[head..].copy_from_slice(&small.s);
    Ok(Factors { left, s, right })
}

/// Column `order[j]` of \[m, k\] becomes column j of the result, in f32 and row-major order.
fn columns_as_columns(from: &Mat<f64>, order: &[usize]) -> Matrix {
    /// Rows written at a time, so that their cache lines are complete before they are evicted.
    const STRIP: usize = 16;
    let k = order.len();
    let mut to = Matrix::zeros(from.nrows(), k);
    for (strip, rows) in to.data_mut().chunks_mut(STRIP * k).enumerate() {
        for (j, &column) in order.iter().enumerate() {
            let column = from.col(column);
            for (i, row) in rows.chunks_exact_mut(k).enumerate() {
                row[j] = column[strip * STRIP + i] as f32;
            }
        }
    }
    to
}

/// Column `order[j]` of \[n, k\] becomes row j of the result, in f32 and row-major order.
fn columns_as_rows(from: &Mat<f64>, order: &[usize]) -> Matrix {
    let n = from.nrows();
    let mut to = Matrix::zeros(order.len(), n);
    for (row, &column) in to.data_mut().chunks_exact_mut(n).zip(order) {
        for (x, &y) in row.iter_mut().zip(from.col(column).iter()) {
            *x = y as f32;
        }
    }
    to
}

/// Turns the pairs (u, v) whose largest entry of u is negative.
fn fix_signs(svd: &mut Svd) {
    let [k, n] = [svd.vt.rows(), svd.vt.cols()];
    let mut largest = vec![0.0f32; k];
    for row in svd.u.data().chunks_exact(k) {
        for (best, &x) in largest.iter_mut().zip(row) {
            *best = if x.abs() > best.abs() { x } else { *best };
        }
    }
    let signs: Vec<f32> = largest.iter().map(|x| if *x < 0.0 { -1.0 } else { 1.0 }).collect();
    for row in svd.u.data_mut().chunks_exact_mut(k) {
        row.iter_mut().zip(&signs).for_each(|(x, sign)| *x *= sign);
    }
    for (row, sign) in svd.vt.data_mut().chunks_exact_mut(n).zip(&signs) {
        row.iter_mut().for_each(|x| *x *= sign);
    }
}

#[cfg(test)]
mod tests;
