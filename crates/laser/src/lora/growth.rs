//! Growth: how much an update changes each component of a matrix, by deciles of the components' positions.

use laser_linalg::Alignment;
use serde::Serialize;

/// Number of parts into which the components are divided.
const PARTS: usize = 10;

/// The components of one tenth, from the largest singular values to the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Decile {
    /// Number of components in it whose singular value is not 0.
    pub components: usize,
    /// Mean of |c|, where c = uᵀ·ΔW·v/σ is the relative change of a singular value, to first order.
    pub mean_abs: f64,
    /// Root of the mean of c².
    pub rms: f64,
    /// The same for an update with random directions, exact: ‖ΔW‖_F/√(m·n)·√(mean of 1/σ²).
    pub chance_rms: f64,
}

/// The deciles of a matrix `[m, n]` with the singular values `s`; fewer than ten for a matrix of fewer components.
pub(super) fn deciles(alignment: &Alignment, s: &[f64], [m, n]: [usize; 2]) -> Vec<Decile> {
    let energy: f64 = alignment.values().iter().map(|x| x * x).sum();
    // By chance, uᵀ·ΔW·v has the variance ‖ΔW‖²/(m·n).
    let variance = energy / (m * n).max(1) as f64;
    let parts = PARTS.min(s.len());
    let of = |part: usize| {
        let range = part * s.len() / parts..(part + 1) * s.len() / parts;
        let known: Vec<usize> = range.filter(|i| s[*i] > 0.0).collect();
        let changes: Vec<f64> = known.iter().map(|i| alignment.change(*i) / s[*i]).collect();
        let mean = |sum: f64| if known.is_empty() { 0.0 } else { sum / known.len() as f64 };
        Decile {
            components: known.len(),
            mean_abs: mean(changes.iter().map(|c| c.abs()).sum()),
            rms: mean(changes.iter().map(|c| c * c).sum()).sqrt(),
            chance_rms: mean(known.iter().map(|i| variance / (s[*i] * s[*i])).sum()).sqrt(),
        }
    };
    (0..parts).map(of).collect()
}

#[cfg(test)]
mod tests {
    use laser_linalg::{Matrix, Svd};

    use super::*;

    #[test]
    fn a_diagonal_update_changes_each_component_by_its_entry() {
        let eye = Matrix::new(4, 4, (0..16).map(|i| f32::from(u8::from(i % 5 == 0))).collect()).expect("fits");
        let svd = |s: Vec<f64>| Svd { u: eye.clone(), s, vt: eye.clone() };
        let base = svd(vec![8.0, 4.0, 2.0, 0.0]);
        let alignment = Alignment::new(&base, &svd(vec![4.0, 1.0, 1.0, 0.5]));
        let deciles = deciles(&alignment, &base.s, [4, 4]);
        assert_eq!(deciles.len(), 4);
        assert_eq!(deciles.iter().map(|d| d.mean_abs).collect::<Vec<_>>(), [0.5, 0.25, 0.5, 0.0]);
        assert_eq!(deciles[3].components, 0, "a singular value of 0 has no relative change");
        // ‖ΔW‖² = 18.25, over 16 entries.
        assert!((deciles[1].chance_rms - (18.25f64 / 16.0).sqrt() / 4.0).abs() < 1e-12);
    }
}
