//! Random orthonormal vectors: takes a seed, gives the Gram matrices of blocks of rows of r uniformly distributed (Haar)
//! orthonormal vectors, without drawing the vectors.
//!
//! For a matrix Z of independent normal entries, Z·C⁻ᵀ with ZᵀZ = CCᵀ is Haar distributed. The Gram matrices Wᵢ of blocks
//! of rows of Z are independent Wishart matrices, so that only they are drawn (Bartlett's decomposition), and C⁻¹WᵢC⁻ᵀ
//! are the Gram matrices wanted. The cost does not depend on the length of the vectors.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

use super::gram::Gram;

/// A source of random orthonormal vectors.
#[derive(Debug, Clone)]
pub struct HaarFrame {
    rng: ChaCha8Rng,
}

impl HaarFrame {
    /// The same seed gives the same draws.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Draws `r` orthonormal vectors of length Σ `sizes`, at least r; gives the Gram matrix \[r, r\] of each block of
    /// `sizes[i]` consecutive entries. The matrices sum to the identity.
    pub(super) fn block_grams(&mut self, sizes: &[usize], r: usize) -> Vec<Gram> {
        let wisharts: Vec<Vec<f64>> = sizes.iter().map(|size| self.wishart(*size, r)).collect();
        let mut sum = vec![0.0; r * r];
        for wishart in &wisharts {
            sum.iter_mut().zip(wishart).for_each(|(sum, x)| *sum += x);
        }
        let c = cholesky(&sum, r);
        wisharts.into_iter().map(|w| Gram::from_values(r, between_inverses(&c, w, r))).collect()
    }

    /// A Wishart matrix \[r, r\] with `degrees` degrees of freedom: ZᵀZ of normal Z \[degrees, r\].
    fn wishart(&mut self, degrees: usize, r: usize) -> Vec<f64> {
        // Rows of T with TᵀT = W: Bartlett's triangle, or Z itself where that is smaller.
        let rows = degrees.min(r);
        let mut t = vec![0.0; rows * r];
        for row in 0..rows {
            for col in 0..r {
                let triangular = degrees > r;
                t[row * r + col] = if triangular && col < row {
                    0.0
                } else if triangular && col == row {
                    // At least one degree is left, because row < r < degrees.
                    ChiSquared::new((degrees - row) as f64).map_or(0.0, |chi| chi.sample(&mut self.rng).sqrt())
                } else {
                    StandardNormal.sample(&mut self.rng)
                };
            }
        }
        let mut w = vec![0.0; r * r];
        for row in t.chunks_exact(r.max(1)) {
            for (i, a) in row.iter().enumerate() {
                row.iter().enumerate().for_each(|(j, b)| w[i * r + j] += a * b);
            }
        }
        w
    }
}

/// The lower triangle C with CCᵀ = S, for a positive definite S \[r, r\].
fn cholesky(s: &[f64], r: usize) -> Vec<f64> {
    let mut c = vec![0.0; r * r];
    for i in 0..r {
        for j in 0..=i {
            let rest: f64 = s[i * r + j] - (0..j).map(|k| c[i * r + k] * c[j * r + k]).sum::<f64>();
            c[i * r + j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / c[j * r + j] };
        }
    }
    c
}

/// C⁻¹·W·C⁻ᵀ for a lower triangle C and a symmetric W.
fn between_inverses(c: &[f64], mut w: Vec<f64>, r: usize) -> Vec<f64> {
    // C⁻¹ from the left solves each column; of the transpose, the same again.
    for _ in 0..2 {
        for col in 0..r {
            for row in 0..r {
                let rest = w[row * r + col] - (0..row).map(|k| c[row * r + k] * w[k * r + col]).sum::<f64>();
                w[row * r + col] = rest / c[row * r + row];
            }
        }
        for i in 0..r {
            for j in 0..i {
                w.swap(i * r + j, j * r + i);
            }
        }
    }
    w
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_sum_to_the_identity_and_have_their_share() {
        let mut frame = HaarFrame::new(3);
        let (sizes, r) = ([2, 10, 8], 4);
        let mut means = [0.0; 3];
        for _ in 0..2000 {
            let grams = frame.block_grams(&sizes, r);
            let sum = grams.iter().fold(Gram::zeros(r), |sum, gram| sum.plus(gram));
            let error = sum.minus(&Gram::identity(r)).weighted_product(&Gram::identity(r), &[1.0; 4]);
            assert!(error.abs() < 1e-9);
            assert!(grams[0].cosines()[2] < 1e-6, "two rows have rank 2");
            means.iter_mut().zip(&grams).for_each(|(mean, gram)| *mean += gram.overlap() / 2000.0);
        }
        for (mean, size) in means.iter().zip(sizes) {
            assert!((mean - size as f64 / 20.0).abs() < 0.01, "{means:?}");
        }
    }

    #[test]
    fn the_spread_is_that_of_a_uniform_unit_vector() {
        // One vector of length n: the squared norm of b entries is Beta(b/2, (n − b)/2).
        let (b, n) = (6.0, 20.0);
        let mut frame = HaarFrame::new(4);
        let draws: Vec<f64> = (0..20_000).map(|_| frame.block_grams(&[6, 14], 1)[0].overlap()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        let expected = b / n * (1.0 - b / n) / (n / 2.0 + 1.0);
        assert!((variance / expected - 1.0).abs() < 0.05, "{variance}, expected {expected}");
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| HaarFrame::new(seed).block_grams(&[3, 9], 2);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
