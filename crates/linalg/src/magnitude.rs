//! Magnitude pruning: takes a matrix and a count, gives the matrix with all but its largest entries set to 0.

use crate::error::LinalgError;
use crate::matrix::{Matrix, MatrixView};

/// Keeps the `count` entries with the largest |w| and sets the others to 0.
///
/// Among entries of equal magnitude the first in row-major order are kept. A count of m·n or more gives `w` \[m, n\]
/// back bit for bit.
///
/// # Errors
/// [`LinalgError::NotFinite`] if an entry is NaN or infinite.
pub fn keep_largest(w: MatrixView<'_>, count: usize) -> Result<Matrix, LinalgError> {
    w.check_finite()?;
    let values = w.data();
    if count >= values.len() {
        return Ok(w.to_matrix());
    }
    let mut kept = Matrix::zeros(w.rows(), w.cols());
    if count > 0 {
        let mut order: Vec<usize> = (0..values.len()).collect();
        // The position breaks ties, so that the unstable selection has one possible result.
        order.select_nth_unstable_by(count - 1, |&i, &j| values[j].abs().total_cmp(&values[i].abs()).then(i.cmp(&j)));
        for &i in &order[..count] {
            kept.data_mut()[i] = values[i];
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_of_equal_entries_are_kept() {
        let w = Matrix::new(2, 3, vec![1.0, -2.0, 2.0, 0.5, 2.0, -1.0]).unwrap();
        let kept = |count| keep_largest(w.view(), count).unwrap().into_data();
        assert_eq!(kept(0), [0.0; 6]);
        assert_eq!(kept(2), [0.0, -2.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!(kept(4), [1.0, -2.0, 2.0, 0.0, 2.0, 0.0]);
        assert_eq!(kept(6), w.data());
        assert_eq!(kept(99), w.data());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Compares with a full sort, on small whole numbers that tie often.
        #[test]
        fn a_full_sort_chooses_the_same(values in prop::collection::vec(-4i8..=4, 1..40), count in 0usize..45) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let mut order: Vec<usize> = (0..values.len()).collect();
            order.sort_by_key(|&i| -(values[i].abs() as i32)); // stable
            let mut expected = vec![0.0; values.len()];
            order.iter().take(count).for_each(|&i| expected[i] = values[i]);
            let w = Matrix::new(1, values.len(), values).unwrap();
            prop_assert_eq!(keep_largest(w.view(), count).unwrap().into_data(), expected);
        }
    }
}
