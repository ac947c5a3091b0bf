//! Approximate comparison: takes two slices and a tolerance and gives the largest difference, or takes two matrices and
//! gives their relative distance.

use crate::matrix::MatrixView;

/// The largest difference allowed between actual values a and expected values e:
/// |aᵢ − eᵢ| ≤ absolute + relative·maxⱼ|eⱼ| for every i.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Allowed difference in the unit of the values.
    pub absolute: f64,
    /// Allowed difference as a share of the largest expected magnitude (not of each value, so that a value expected to
    /// be 0 may differ as much as the others).
    pub relative: f64,
}

/// The reason why two slices are not equal within a [`Tolerance`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Difference {
    /// The slices have different lengths.
    #[error("{actual} values, expected {expected}")]
    Length {
        /// Number of actual values.
        actual: usize,
        /// Number of expected values.
        expected: usize,
    },
    /// A value of either slice is NaN or infinite.
    #[error("value {index} is {actual}, expected {expected}; both must be finite")]
    NotFinite {
        /// Position of the first such value.
        index: usize,
        /// Actual value.
        actual: f32,
        /// Expected value.
        expected: f32,
    },
    /// The largest difference is above the allowed one.
    #[error(
        "value {index} is {actual}, expected {expected}: the difference {max_abs:e} is the largest, {allowed:e} is allowed"
    )]
    Value {
        /// Largest difference |a − e|.
        max_abs: f64,
        /// First position with this difference.
        index: usize,
        /// Actual value at that position.
        actual: f32,
        /// Expected value at that position.
        expected: f32,
        /// Allowed difference, absolute + relative·max|e|.
        allowed: f64,
    },
}

impl Tolerance {
    /// Checks that every actual value is within this tolerance of the expected one.
    ///
    /// # Errors
    /// [`Difference`] for unequal lengths, for a value that is not finite, or for a difference above the tolerance.
    pub fn check(self, actual: &[f32], expected: &[f32]) -> Result<(), Difference> {
        if actual.len() != expected.len() {
            let [actual, expected] = [actual.len(), expected.len()];
            return Err(Difference::Length { actual, expected });
        }
        let mut largest = 0.0f64;
        let mut worst = (0.0f64, 0);
        for (index, (&a, &e)) in actual.iter().zip(expected).enumerate() {
            if !(a.is_finite() && e.is_finite()) {
                return Err(Difference::NotFinite { index, actual: a, expected: e });
            }
            largest = largest.max(f64::from(e).abs());
            let difference = (f64::from(a) - f64::from(e)).abs();
            if difference > worst.0 {
                worst = (difference, index);
            }
        }
        let allowed = self.absolute + self.relative * largest;
        let (max_abs, index) = worst;
        // Equal values pass any tolerance. A NaN in the tolerance makes the second comparison false, so it fails the
        // rest.
        if max_abs == 0.0 || max_abs <= allowed {
            return Ok(());
        }
        let [actual, expected] = [actual[index], expected[index]];
        Err(Difference::Value { max_abs, index, actual, expected, allowed })
    }
}

/// Computes the relative error ‖A − W‖_F/‖W‖_F of an approximation A of W, a fraction, in f64.
///
/// For W = 0 the result is 0 if A is 0 too, and infinity otherwise.
///
/// # Panics
/// If the shapes differ.
#[must_use]
pub fn relative_error(approximation: MatrixView<'_>, w: MatrixView<'_>) -> f64 {
    let shape = |x: MatrixView<'_>| [x.rows(), x.cols()];
    assert_eq!(shape(approximation), shape(w), "matrices of one shape");
    let pairs = approximation.data().iter().zip(w.data());
    let lost: f64 = pairs.map(|(&a, &w)| (f64::from(a) - f64::from(w)).powi(2)).sum();
    let total: f64 = w.data().iter().map(|&w| f64::from(w).powi(2)).sum();
    if lost > 0.0 { (lost / total).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    #[test]
    fn the_relative_error_is_the_ratio_of_the_norms() {
        let matrix = |values: [f32; 2]| Matrix::new(1, 2, values.to_vec()).unwrap();
        let error = |a, w| relative_error(matrix(a).view(), matrix(w).view());
        assert_eq!(error([0.0, 4.0], [3.0, 4.0]), 0.6);
        assert_eq!((error([0.0; 2], [0.0; 2]), error([1.0, 0.0], [0.0; 2])), (0.0, f64::INFINITY));
    }

    const TOLERANCE: Tolerance = Tolerance { absolute: 0.125, relative: 0.0625 };

    #[test]
    fn values_within_the_tolerance_pass() {
        // allowed: 0.125 + 0.0625 * 4 = 0.375
        assert_eq!(TOLERANCE.check(&[0.375, -4.25, 1.0], &[0.0, -4.0, 1.0]), Ok(()));
        assert_eq!(TOLERANCE.check(&[], &[]), Ok(()));
        let exact = Tolerance { absolute: 0.0, relative: 0.0 };
        assert_eq!(exact.check(&[0.5, -0.0], &[0.5, 0.0]), Ok(()));
    }

    #[test]
    fn the_worst_value_above_the_tolerance_is_named() {
        let found = TOLERANCE.check(&[0.5, -5.0, 1.0], &[0.0, -4.0, 1.0]);
        let expected = Difference::Value { max_abs: 1.0, index: 1, actual: -5.0, expected: -4.0, allowed: 0.375 };
        assert_eq!(found, Err(expected));
        let exact = Tolerance { absolute: 0.0, relative: 0.0 };
        assert!(exact.check(&[1.0 + f32::EPSILON], &[1.0]).is_err());
    }

    #[test]
    fn a_nan_fails_on_either_side_and_in_the_tolerance() {
        let loose = Tolerance { absolute: f64::INFINITY, relative: 0.0 };
        assert!(loose.check(&[1e30], &[-1e30]).is_ok());
        for (a, e) in [(f32::NAN, 0.0), (0.0, f32::NAN), (f32::NAN, f32::NAN), (f32::INFINITY, 1.0)] {
            let found = loose.check(&[0.0, a], &[0.0, e]);
            assert!(matches!(found, Err(Difference::NotFinite { index: 1, .. })), "{a} {e}");
        }
        let broken = Tolerance { absolute: f64::NAN, relative: 0.0 };
        assert!(broken.check(&[1.0], &[2.0]).is_err());
    }

    #[test]
    fn unequal_lengths_fail_even_where_the_common_part_agrees() {
        let loose = Tolerance { absolute: 1e9, relative: 0.0 };
        let error = Difference::Length { actual: 1, expected: 2 };
        assert_eq!(loose.check(&[1.0], &[1.0, 1.0]), Err(error));
    }
}
