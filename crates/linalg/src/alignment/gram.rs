//! Gram matrices: XᵀX of the rows of some X \[rows, r\], as the overlaps of r orthonormal vectors with a subspace.

use crate::backend::{self, MatRef};

/// A symmetric matrix \[r, r\] in f64.
#[derive(Debug, Clone, PartialEq)]
pub struct Gram {
    size: usize,
    /// Row-major.
    values: Vec<f64>,
}

impl Gram {
    /// XᵀX of X \[rows, size\], row-major.
    pub(super) fn of_rows(x: &[f64], size: usize) -> Self {
        let mut gram = Self::zeros(size);
        for row in x.chunks_exact(size.max(1)) {
            for (i, a) in row.iter().enumerate() {
                row.iter().enumerate().for_each(|(j, b)| gram.values[i * size + j] += a * b);
            }
        }
        gram
    }

    /// The matrix with these values, row-major.
    pub(super) fn from_values(size: usize, values: Vec<f64>) -> Self {
        debug_assert_eq!(values.len(), size * size);
        Self { size, values }
    }

    pub(super) fn zeros(size: usize) -> Self {
        Self { size, values: vec![0.0; size * size] }
    }

    pub(super) fn identity(size: usize) -> Self {
        let at = |x: usize| if x / size == x % size { 1.0 } else { 0.0 };
        Self { size, values: (0..size * size).map(at).collect() }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        Self { size: self.size, values: self.values.iter().zip(&other.values).map(|(a, b)| a + b).collect() }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        Self { size: self.size, values: self.values.iter().zip(&other.values).map(|(a, b)| a - b).collect() }
    }

    /// Number of rows.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Σᵢⱼ λᵢ·λⱼ·Gᵢⱼ·Hᵢⱼ = tr(Λ·G·Λ·H).
    pub(super) fn weighted_product(&self, other: &Self, weights: &[f64]) -> f64 {
        let pairs = self.values.iter().zip(&other.values).enumerate();
        pairs.map(|(x, (a, b))| weights[x / self.size] * weights[x % self.size] * a * b).sum()
    }

    /// Mean share of the vectors in the subspace: tr(G)/r, the mean squared cosine of the principal angles; 0 without
    /// vectors.
    #[must_use]
    pub fn overlap(&self) -> f64 {
        let trace: f64 = (0..self.size).map(|i| self.values[i * self.size + i]).sum();
        if self.size == 0 { 0.0 } else { trace / self.size as f64 }
    }

    /// Cosines of the principal angles between the r vectors and the subspace, descending; those beyond the subspace's
    /// dimension are 0.
    #[must_use]
    pub fn cosines(&self) -> Vec<f64> {
        if self.size == 0 {
            return Vec::new();
        }
        let matrix = MatRef::from_row_major_slice(&self.values, self.size, self.size);
        match backend::symmetric_eigen(matrix, backend::parallelism(1)) {
            Ok((values, _)) => values.iter().rev().map(|value| value.clamp(0.0, 1.0).sqrt()).collect(),
            // A small symmetric matrix of finite values; if it ever happens, the overlap still stands.
            Err(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_and_two_vectors_have_known_angles() {
        // In three dimensions, the plane of the first two axes; e₁, and e₂ turned by 60° out of the plane.
        let x = [1.0, 0.0, 0.0, 0.5];
        let gram = Gram::of_rows(&x, 2);
        let cosines = gram.cosines();
        assert!((cosines[0] - 1.0).abs() < 1e-12 && (cosines[1] - 0.5).abs() < 1e-12, "{cosines:?}");
        assert!((gram.overlap() - 0.625).abs() < 1e-12);
    }
}
