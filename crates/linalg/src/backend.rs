//! f64 factorisations and matrix products through faer; no other file of the crate calls faer.
//!
//! The functions take borrowed matrices, row-major or column-major, and return f64 factors. The files that call them
//! decide which factorisation to use and when its result is accurate enough.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{self, ComputeEigenvectors, SelfAdjointEvdParams};
use faer::linalg::householder;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::qr::no_pivoting::factor as qr;
use faer::linalg::svd::{self, ComputeSvdVectors};
use faer::{Accum, Conj, Spec};

pub(crate) use faer::{Mat, MatMut, MatRef, Par};

/// Error of a solver that ran out of iterations or returned numbers that are not finite.
#[derive(Debug)]
pub(crate) struct NoConvergence;

/// The f64 factors of a matrix A \[m, n\] with k components: A = left·diag(s)·rightᵀ.
pub(crate) struct Factors {
    /// Left singular vectors: the orthonormal columns of \[m, k\].
    pub(crate) left: Mat<f64>,
    /// Singular values \[k\]: not negative, in any order.
    pub(crate) s: Vec<f64>,
    /// Right singular vectors: the orthonormal columns of \[n, k\].
    pub(crate) right: Mat<f64>,
}

/// Turns a number of threads into faer's setting: 0 and 1 mean the calling thread, n > 1 means n tasks on rayon's
/// global pool.
pub(crate) fn parallelism(threads: usize) -> Par {
    if threads <= 1 { Par::Seq } else { Par::rayon(threads) }
}

/// Computes C = A·B in f64; C is column-major.
pub(crate) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>, par: Par) -> Mat<f64> {
    let mut c = Mat::zeros(a.nrows(), b.ncols());
    matmul(&mut c, Accum::Replace, a, b, 1.0, par);
    c
}

/// Computes C += A·B in f64 on the calling thread.
pub(crate) fn accumulate(c: MatMut<'_, f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul(c, Accum::Add, a, b, 1.0, Par::Seq);
}

/// Computes C = A·B in f32; the slices hold A \[m, k\], B \[k, n\] and C \[m, n\] in row-major order.
pub(crate) fn product_f32([m, k, n]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32], par: Par) {
    matmul(
        MatMut::from_row_major_slice_mut(c, m, n),
        Accum::Replace,
        MatRef::from_row_major_slice(a, m, k),
        MatRef::from_row_major_slice(b, k, n),
        1.0,
        par,
    );
}

/// Computes the eigenvectors of AᵀA for A \[m, n\]: the columns of a matrix \[n, n\], by ascending eigenvalue.
pub(crate) fn gram_eigenvectors(a: MatRef<'_, f64>, par: Par) -> Result<Mat<f64>, NoConvergence> {
    let n = a.ncols();
    let mut gram = Mat::zeros(n, n);
    // The eigenvalue solver reads the lower triangle only, so half of the product is enough.
    triangular::matmul(
        &mut gram,
        BlockStructure::TriangularLower,
        Accum::Replace,
        a.transpose(),
        BlockStructure::Rectangular,
        a,
        BlockStructure::Rectangular,
        1.0,
        par,
    );
    symmetric_eigen(gram.as_ref(), par).map(|(_, vectors)| vectors)
}

/// Computes the eigenvalues \[n\], ascending, and the eigenvectors, the columns of \[n, n\], of a symmetric matrix.
///
/// Only the lower triangle of `a` is read.
pub(crate) fn symmetric_eigen(a: MatRef<'_, f64>, par: Par) -> Result<(Vec<f64>, Mat<f64>), NoConvergence> {
    let n = a.ncols();
    let mut values = Diag::zeros(n);
    let mut vectors = Mat::zeros(n, n);
    let mut params = Spec::<SelfAdjointEvdParams, f64>::default();
    // With faer's default (parallel only while about 300 columns remain) a second core is idle for half the reduction
    // of a 576 x 576 Gram matrix. Measured with AVX2: 76 ms on one thread, 54 ms on two with the default, 47 ms here.
    params.config.tridiag.par_threshold = 64 * 64;
    let scratch = evd::self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, par, params);
    evd::self_adjoint_evd(
        a,
        values.as_mut(),
        Some(vectors.as_mut()),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        params,
    )
    .map_err(|_| NoConvergence)?;
    let values: Vec<f64> = values.column_vector().iter().copied().collect();
    if vectors.is_all_finite() && values.iter().all(|x| x.is_finite()) {
        Ok((values, vectors))
    } else {
        Err(NoConvergence)
    }
}

/// Computes all min(m, n) components of A \[m, n\] by bidiagonalisation.
pub(crate) fn thin_svd(a: MatRef<'_, f64>, par: Par) -> Result<Factors, NoConvergence> {
    let [m, n] = [a.nrows(), a.ncols()];
    let k = m.min(n);
    let [mut left, mut right] = [Mat::zeros(m, k), Mat::zeros(n, k)];
    let mut s = Diag::zeros(k);
    let thin = ComputeSvdVectors::Thin;
    let scratch = svd::svd_scratch::<f64>(m, n, thin, thin, par, Default::default());
    svd::svd(
        a,
        s.as_mut(),
        Some(left.as_mut()),
        Some(right.as_mut()),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| NoConvergence)?;
    let s: Vec<f64> = s.column_vector().iter().copied().collect();
    let finite = s.iter().all(|x| x.is_finite()) && left.is_all_finite() && right.is_all_finite();
    if finite { Ok(Factors { left, s, right }) } else { Err(NoConvergence) }
}

/// Factorises A \[m, n\], m ≥ n, into Q \[m, n\] with orthonormal columns and an upper triangular R \[n, n\].
///
/// Uses Householder reflections, so that the columns of Q are orthonormal for a rank-deficient A as well.
pub(crate) fn thin_qr(mut a: Mat<f64>, par: Par) -> (Mat<f64>, Mat<f64>) {
    let [m, n] = [a.nrows(), a.ncols()];
    let block = qr::recommended_block_size::<f64>(m, n);
    let mut coefficients = Mat::zeros(block, n);
    let scratch = qr::qr_in_place_scratch::<f64>(m, n, block, par, Default::default());
    qr::qr_in_place(
        a.as_mut(),
        coefficients.as_mut(),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    // Q is stored as reflections; applying them to the identity gives its first n columns.
    let mut q = Mat::identity(m, n);
    let scratch = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(m, block, n);
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        a.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        q.as_mut(),
        par,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
    // Below its diagonal, `a` holds the reflections, which are not part of R.
    let r = Mat::from_fn(n, n, |i, j| if i <= j { a[(i, j)] } else { 0.0 });
    (q, r)
}
