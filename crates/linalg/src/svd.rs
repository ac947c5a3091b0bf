//! The exact singular value decomposition: takes a matrix and gives its factors, from which every rank can be cut.
//!
//! W = U·diag(σ)·Vᵀ with σ descending. All arithmetic is f64; the vectors are rounded to f32 at the end. The default
//! method computes the eigenvectors V of the smaller Gram matrix (WᵀW or WWᵀ) and takes U from the columns of W·V. A
//! Gram matrix squares the condition number, so the vectors of small σ are inaccurate. Where σ falls below 1e-4·σ₁, a
//! QR factorisation therefore makes the columns of W·V orthogonal again, and a bidiagonal SVD decomposes the block of R
//! that belongs to the small σ ([`gram_svd`]).

use crate::backend::{self, Factors, Mat, MatRef, NoConvergence, Par};
use crate::error::LinalgError;
use crate::matrix::{Matrix, MatrixView};

/// A singular value decomposition of a matrix \[m, n\] into k components; k = min(m, n) if it is exact.
///
/// Component i is the matrix σᵢ·uᵢ·vᵢᵀ of rank 1. Signs are fixed so that the entry of largest magnitude in each column
/// of `u` (the first one, if several are equal) is positive. Vectors of equal singular values are one orthonormal basis
/// of their common space among many.
#[derive(Debug, Clone, PartialEq)]
pub struct Svd {
    /// Left singular vectors uᵢ: the columns of a matrix \[m, k\].
    pub u: Matrix,
    /// Singular values σᵢ \[k\], descending.
    pub s: Vec<f64>,
    /// Right singular vectors vᵢ: the rows of a matrix \[k, n\].
    pub vt: Matrix,
}

/// The algorithm of a decomposition. The singular values of all methods agree within 1e-10·σ₁.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// The fastest method, which is [`Method::Gram`] for every measured shape, square ones included.
    #[default]
    Auto,
    /// Takes eigenvectors of the smaller Gram matrix and refines them where they are inaccurate.
    Gram,
    /// Reduces the matrix to bidiagonal form. Takes about twice the time of `Gram`; kept as a cross-check.
    Thin,
}

/// Smallest σ/σ₁ for which u = W·v/σ is accurate enough. The vectors are orthogonal up to about ε·(σ₁/σ)² with
/// ε = 2.2e-16; at this ratio the error is 2e-8, a third of an f32 rounding.
const ACCURATE_RATIO: f64 = 1e-4;

/// Decomposes a matrix \[m, n\] on `threads` threads (0 counts as 1).
///
/// If a method does not converge, the other one is tried. The same input, method and number of threads give the same
/// bits; another number of threads may round differently.
///
/// # Errors
/// [`LinalgError::NotFinite`] if an entry is NaN or infinite, [`LinalgError::NoConvergence`] if neither method
/// converges.
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
    // The solvers need at least one component.
    if w.max_rank() == 0 {
        return Ok(Svd { u: Matrix::zeros(m, 0), s: Vec::new(), vt: Matrix::zeros(0, n) });
    }
    let par = backend::parallelism(threads);
    let (data, scale) = scaled_to_f64(w);
    let a = MatRef::from_row_major_slice(&data, m, n);
    Ok(factorise(a, method, par)?.into_svd(scale))
}

/// Decomposes A \[m, n\] with m, n ≥ 1 by `method`, or by the other method if that one does not converge.
pub(crate) fn factorise(a: MatRef<'_, f64>, method: Method, par: Par) -> Result<Factors, LinalgError> {
    let [m, n] = [a.nrows(), a.ncols()];
    // Both methods work on the tall side: its Gram matrix is the smaller one.
    let tall = if m >= n { a } else { a.transpose() };
    let factors = match method {
        Method::Auto | Method::Gram => gram_svd(tall, par).or_else(|NoConvergence| backend::thin_svd(tall, par)),
        Method::Thin => backend::thin_svd(tall, par).or_else(|NoConvergence| gram_svd(tall, par)),
    };
    let factors = factors.map_err(|NoConvergence| LinalgError::NoConvergence { rows: m, cols: n })?;
    Ok(if m >= n { factors } else { factors.transposed() })
}

impl Factors {
    /// Turns the factors of A into those of Aᵀ.
    pub(crate) fn transposed(self) -> Self {
        Self { left: self.right, s: self.s, right: self.left }
    }

    /// Sorts the components by σ, rounds the vectors to f32, fixes the signs and multiplies σ by `scale`.
    pub(crate) fn into_svd(self, scale: f64) -> Svd {
        // The Gram method refines small σ apart from the others, which may change the order at the border.
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

/// Converts the elements to f64 and divides them by a power of two, which is the second result.
///
/// The division brings the largest magnitude into \[1, 2), so that σ² neither overflows nor vanishes whatever the units
/// of W. Both steps are exact.
pub(crate) fn scaled_to_f64(w: MatrixView<'_>) -> (Vec<f64>, f64) {
    let largest = w.data().iter().fold(0.0f32, |a, x| a.max(x.abs()));
    let scale = if largest > 0.0 { f64::from(largest).log2().floor().exp2() } else { 1.0 };
    (w.data().iter().map(|&x| f64::from(x) / scale).collect(), scale)
}

/// Decomposes a tall A \[m, n\] by way of V, the eigenvectors of AᵀA.
///
/// V is orthonormal to working precision and diagonalises AᵀA up to an error of about ε·σ₁². Column i of A·V is
/// therefore σᵢuᵢ, and uᵢᵀuⱼ is off by ε·σ₁²/(σᵢσⱼ): negligible for large σ, useless for small ones. If some σ are
/// small, A·V = Q·R gives columns of Q that are orthonormal whatever the rank. R is diagonal except for entries of at
/// most ε·σ₁²/σᵢ in row i. In the accurate rows these entries are dropped (an error of at most 1e-11·σ₁); the block of
/// the other rows gets an SVD of its own.
fn gram_svd(a: MatRef<'_, f64>, par: Par) -> Result<Factors, NoConvergence> {
    let ascending = backend::gram_eigenvectors(a, par)?;
    let v = ascending.as_ref().reverse_cols(); // descending σ
    let mut av = backend::product(a, v, par);
    let mut s: Vec<f64> = (0..av.ncols()).map(|j| av.col(j).norm_l2()).collect();
    let threshold = s[0] * ACCURATE_RATIO;
    let head = s.iter().position(|&x| x <= threshold).unwrap_or(s.len()); // number of accurate components
    if head == s.len() {
        // The usual case: every column of A·V is accurate and only needs its length divided out.
        for (j, &length) in s.iter().enumerate() {
            av.col_mut(j).iter_mut().for_each(|x| *x /= length);
        }
        return Ok(Factors { left: av, s, right: v.to_owned() });
    }
    let tail = s.len() - head;
    let (mut left, r) = backend::thin_qr(av, par);
    for j in 0..head {
        // Householder reflections may leave a negative diagonal; σ is its magnitude and u takes the sign.
        s[j] = r[(j, j)].abs();
        if r[(j, j)] < 0.0 {
            left.col_mut(j).iter_mut().for_each(|x| *x = -*x);
        }
    }
    // R's lower right block [tail, tail] = U'·diag(σ)·V'ᵀ turns the last columns of Q and V into singular vectors.
    let small = backend::thin_svd(r.as_ref().submatrix(head, head, tail, tail), par)?;
    let left_tail = backend::product(left.as_ref().subcols(head, tail), small.left.as_ref(), par);
    let right_tail = backend::product(v.subcols(head, tail), small.right.as_ref(), par);
    let mut right = v.to_owned();
    left.as_mut().subcols_mut(head, tail).copy_from(&left_tail);
    right.as_mut().subcols_mut(head, tail).copy_from(&right_tail);
    s[head..].copy_from_slice(&small.s);
    Ok(Factors { left, s, right })
}

/// Copies column `order[j]` of `from` \[m, k\] to column j of the result \[m, k\], rounded to f32, row-major.
pub(crate) fn columns_as_columns(from: &Mat<f64>, order: &[usize]) -> Matrix {
    /// Rows written together: few enough that their cache lines are filled before they are evicted.
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

/// Copies column `order[j]` of `from` \[n, k\] to row j of the result \[k, n\], rounded to f32, row-major.
pub(crate) fn columns_as_rows(from: &Mat<f64>, order: &[usize]) -> Matrix {
    let n = from.nrows();
    let mut to = Matrix::zeros(order.len(), n);
    for (row, &column) in to.data_mut().chunks_exact_mut(n).zip(order) {
        for (x, &y) in row.iter_mut().zip(from.col(column).iter()) {
            *x = y as f32;
        }
    }
    to
}

/// Changes the sign of each pair (u, v) in which the entry of u with the largest magnitude is negative.
fn fix_signs(svd: &mut Svd) {
    let [k, n] = [svd.vt.rows(), svd.vt.cols()];
    // Row by row for all columns at once, because a row is contiguous in memory.
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
