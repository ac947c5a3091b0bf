//! Intruder dimensions: leading singular vectors of the tuned matrix that are like no singular vector of the base matrix.
//!
//! Shuttleworth, Andreas, Torralba and Sharma 2024, "LoRA vs full fine-tuning: an illusion of equivalence"
//! (arXiv 2410.21228), algorithm 1.

use laser_linalg::Svd;
use serde::Serialize;

/// Thresholds on the largest cosine below which a vector counts as an intruder.
pub(super) const THRESHOLDS: [f64; 4] = [0.3, 0.5, 0.6, 0.8];
/// Number of leading vectors that are looked at, besides as many as the update has.
pub(super) const TOP: usize = 10;

/// The intruders of one matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intruders {
    /// Counts among the leading vectors, for each number of them and each threshold.
    pub counts: Vec<IntruderCount>,
    /// The leading vectors whose largest cosine is below the largest threshold.
    pub vectors: Vec<NewVector>,
}

/// Number of intruders.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IntruderCount {
    /// Number of leading left singular vectors of the tuned matrix that are looked at.
    pub top: usize,
    /// Threshold on the largest cosine.
    pub threshold: f64,
    /// Number of vectors below it.
    pub count: usize,
}

/// A leading left singular vector of the tuned matrix that is unlike those of the base matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NewVector {
    /// Its position among the tuned matrix's, from 0. A truncation to more components than this keeps it.
    pub index: usize,
    /// Its singular value.
    pub sigma: f64,
    /// max |cos| with the left singular vectors of the base matrix.
    pub cosine: f64,
}

/// Finds the intruders among the first ten vectors, and among as many as the update has (`rank`).
pub(super) fn intruders(base: &Svd, tuned: &Svd, rank: usize) -> Intruders {
    let tops = [TOP.min(tuned.s.len()), rank.min(tuned.s.len())];
    let looked_at = tops[0].max(tops[1].min(4 * TOP));
    let cosines: Vec<f64> = (0..looked_at).map(|j| largest_cosine(base, tuned, j)).collect();
    let below = |top: usize, threshold: f64| cosines.iter().take(top).filter(|cosine| **cosine < threshold).count();
    let mut counts = Vec::new();
    for (i, top) in tops.into_iter().enumerate().filter(|(_, top)| *top <= looked_at) {
        if i == 0 || top != tops[0] {
            counts.extend(THRESHOLDS.map(|threshold| IntruderCount { top, threshold, count: below(top, threshold) }));
        }
    }
    let largest = THRESHOLDS[THRESHOLDS.len() - 1];
    let unlike = cosines.iter().enumerate().filter(|(_, cosine)| **cosine < largest);
    let vectors = unlike.map(|(index, cosine)| NewVector { index, sigma: tuned.s[index], cosine: *cosine }).collect();
    Intruders { counts, vectors }
}

/// max over i of |cos| between vector `j` of `tuned` and vector i of `base`.
fn largest_cosine(base: &Svd, tuned: &Svd, j: usize) -> f64 {
    let mut products = vec![0.0f64; base.s.len()];
    for row in 0..base.u.rows() {
        let y = f64::from(tuned.u.row(row)[j]);
        products.iter_mut().zip(base.u.row(row)).for_each(|(sum, u)| *sum += y * f64::from(*u));
    }
    products.iter().fold(0.0, |largest: f64, product| largest.max(product.abs())).min(1.0)
}

#[cfg(test)]
mod tests {
    use laser_linalg::{Matrix, Method, decompose};

    use super::*;

    #[test]
    fn a_large_update_in_a_new_direction_is_an_intruder() {
        // W has small entries on the diagonal of its first rows; the update is large and mixes all of them evenly.
        let n = 16;
        let base = Matrix::new(
            n,
            n,
            (0..n * n).map(|i| if i % (n + 1) == 0 { 1.0 - i as f32 / 500.0 } else { 0.0 }).collect(),
        );
        let base = base.expect("fits");
        let tuned = base.data().iter().map(|x| x + 1.0).collect();
        let tuned = Matrix::new(n, n, tuned).expect("fits");
        let [a, b] = [&base, &tuned].map(|w| decompose(w.view(), Method::Thin, 1).expect("decomposes"));
        let found = intruders(&a, &b, 1);
        assert_eq!(found.counts[0], IntruderCount { top: 10, threshold: 0.3, count: 1 }, "{found:?}");
        assert_eq!(found.counts.len(), 8, "ten vectors, and as many as the rank");
        assert_eq!((found.vectors[0].index, found.vectors[0].cosine < 0.3), (0, true));
        let none = intruders(&a, &a, 1);
        assert!(none.vectors.is_empty() && none.counts.iter().all(|count| count.count == 0));
    }
}
