//! Matrix change: takes the record of one edited matrix and its singular values, gives the figures of `results.json` that
//! say what the edit keeps of it.

use laser_linalg::Spectrum;
use serde::{Deserialize, Serialize};

use crate::edit::truncation::TruncationRecord;

/// Most points of a stored spectrum: as many as a drawing can show.
const POINTS: usize = 160;

/// Change of one matrix by an edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixChange {
    /// The matrix: `L27.gate_proj`.
    pub matrix: String,
    /// The reduction in the short form: `0.01`, `drop-bulk`.
    pub reduction: String,
    /// Number of components kept; `None` for reductions that do not choose among components.
    pub rank: Option<usize>,
    /// Number of all components, min(out, in).
    pub max_rank: usize,
    /// Share of the energy ‖W‖² that is kept, 1 − `relative_error`²; `None` without a rank.
    pub energy: Option<f64>,
    /// ‖W − Ŵ‖/‖W‖, in the Frobenius norm.
    pub relative_error: f64,
    /// Effective rank of the matrix before the edit: exp of the entropy of σ/Σσ.
    pub effective_rank: f64,
    /// Upper edge of the Marchenko–Pastur law: the largest singular value to expect of noise.
    pub noise_edge: f64,
    /// Number of components above that edge.
    pub above_noise: usize,
    /// Singular values before the edit as pairs of position, counted from 1, and value: all of them, or some that are
    /// spread evenly over the logarithm of the position.
    pub spectrum: Vec<(usize, f64)>,
}

impl MatrixChange {
    /// The figures of one matrix; `spectrum` has the singular values of the matrix before the edit.
    pub fn new(record: &TruncationRecord, spectrum: &Spectrum) -> Self {
        Self {
            matrix: record.matrix.clone(),
            reduction: record.reduction.clone(),
            rank: record.rank,
            max_rank: record.max_rank,
            energy: record.rank.map(|_| 1.0 - record.relative_error.powi(2)),
            relative_error: record.relative_error,
            effective_rank: spectrum.effective_rank(),
            noise_edge: spectrum.marchenko_pastur_edge(spectrum.noise_variance()),
            above_noise: spectrum.components_above_edge(),
            spectrum: points(spectrum.values(), POINTS),
        }
    }
}

/// At most about `most` of the values with their positions from 1, evenly spread over the logarithm of the position; the
/// first and the last are among them.
fn points(values: &[f64], most: usize) -> Vec<(usize, f64)> {
    let n = values.len();
    let position = |i: usize| (n as f64).powf(i as f64 / (most - 1) as f64).round() as usize;
    let mut positions: Vec<usize> = if n <= most { (1..=n).collect() } else { (0..most).map(position).collect() };
    positions.dedup();
    positions.into_iter().map(|position| (position, values[position - 1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_some_of_the_values_from_the_first_to_the_last() {
        let values: Vec<f64> = (0..5000).map(|i| 5000.0 - f64::from(i)).collect();
        let found = points(&values, 160);
        assert!(found.len() > 100 && found.len() <= 160);
        assert_eq!((found[0], found[found.len() - 1]), ((1, 5000.0), (5000, 1.0)));
        assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(points(&values[..3], 160), [(1, 5000.0), (2, 4999.0), (3, 4998.0)]);
        assert!(points(&[], 160).is_empty());
    }

    #[test]
    fn the_kept_energy_is_what_the_error_leaves() {
        let spectrum = Spectrum::new([2.0, 1.0, 1.0], 3, 5).expect("a spectrum");
        let record = TruncationRecord {
            matrix: "L1.up_proj".to_owned(),
            reduction: "0.4".to_owned(),
            rank: Some(1),
            max_rank: 3,
            parameters: 8,
            relative_error: 0.5,
        };
        let change = MatrixChange::new(&record, &spectrum);
        assert_eq!((change.energy, change.spectrum.len()), (Some(0.75), 3));
        let unranked = TruncationRecord { rank: None, ..record };
        assert_eq!(MatrixChange::new(&unranked, &spectrum).energy, None);
    }
}
