//! Seeded random matrices for the tests of this crate.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::backend::{self, Mat};
use crate::matrix::Matrix;

/// Makes a matrix \[m, n\] of independent standard normal entries.
pub(crate) fn gaussian(m: usize, n: usize, seed: u64) -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let data = (0..m * n).map(|_| StandardNormal.sample(&mut rng)).collect();
    Matrix::new(m, n, data).unwrap()
}

/// Makes a matrix \[m, n\] with random singular vectors and the min(m, n) singular values `s`, rounded to f32.
pub(crate) fn with_spectrum(m: usize, n: usize, s: &[f64], seed: u64) -> Matrix {
    let par = backend::parallelism(1);
    let orthonormal = |rows: usize, seed| {
        let w = gaussian(rows, s.len(), seed);
        backend::thin_qr(Mat::from_fn(rows, s.len(), |i, j| f64::from(w.row(i)[j])), par).0
    };
    let [mut u, v] = [orthonormal(m, seed), orthonormal(n, seed + 1)];
    for (j, &s) in s.iter().enumerate() {
        u.col_mut(j).iter_mut().for_each(|x| *x *= s);
    }
    let w = backend::product(u.as_ref(), v.transpose(), par);
    let data = (0..m * n).map(|i| w[(i / n, i % n)] as f32).collect();
    Matrix::new(m, n, data).unwrap()
}
