//! Rounding errors of stored tensors: takes the values that were wanted and those that were stored, gives their
//! distance.

/// The distance of the stored values s of a tensor from the wanted values w.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rounding {
    /// Largest absolute error, max |s − w|.
    pub max_abs: f64,
    /// Relative error ‖s − w‖ / ‖w‖ over all elements, a fraction; 0 if w is all zeros and stored as zeros.
    pub relative: f64,
}

/// Sums over the pieces of a tensor, from which its [`Rounding`] is computed.
#[derive(Default)]
pub(crate) struct RoundingSums {
    max_abs: f64,
    /// Σ (s − w)².
    squared_error: f64,
    /// Σ w².
    squared_norm: f64,
}

impl RoundingSums {
    /// Adds a piece: the `wanted` values and the `stored` ones.
    pub(crate) fn add(&mut self, wanted: &[f32], stored: &[f32]) {
        for (&wanted, &stored) in wanted.iter().zip(stored) {
            let error = f64::from(stored) - f64::from(wanted);
            self.max_abs = self.max_abs.max(error.abs());
            self.squared_error += error * error;
            self.squared_norm += f64::from(wanted) * f64::from(wanted);
        }
    }

    /// Computes the rounding error of all pieces added so far.
    pub(crate) fn rounding(&self) -> Rounding {
        // Without an error the result is 0 also for w = 0, where the quotient would be NaN.
        let relative = match self.squared_error > 0.0 {
            true => (self.squared_error / self.squared_norm).sqrt(),
            false => 0.0,
        };
        Rounding { max_abs: self.max_abs, relative }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_measured_against_the_wanted_values() {
        let mut sums = RoundingSums::default();
        sums.add(&[3.0, 4.0], &[3.0, 4.5]);
        assert_eq!(sums.rounding(), Rounding { max_abs: 0.5, relative: 0.1 });
        assert_eq!(RoundingSums::default().rounding(), Rounding::default());
    }
}
