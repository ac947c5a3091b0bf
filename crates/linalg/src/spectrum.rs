//! Statistics of the singular values: takes them with the shape of their matrix, gives energy, effective and stable
//! rank, and the number of values above the noise of a random matrix of the same shape (Marchenko and Pastur 1967).

use std::f64::consts::PI;
use std::ops::Range;

use crate::error::LinalgError;

/// The singular values of a matrix \[m, n\], descending.
///
/// ```
/// use laser_linalg::Spectrum;
/// let spectrum = Spectrum::new([2.0, 1.0, 1.0], 3, 5)?;
/// assert_eq!(spectrum.energy(1), 4.0 / 6.0);
/// assert_eq!(spectrum.stable_rank(), 1.5);
/// # Ok::<(), laser_linalg::LinalgError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    s: Vec<f64>,
    rows: usize,
    cols: usize,
}

impl Spectrum {
    /// Makes a spectrum of all min(m, n) singular values of a matrix \[m, n\], descending.
    ///
    /// # Errors
    /// [`LinalgError::SpectrumLength`] for another number of values, [`LinalgError::SpectrumValue`] if a value is
    /// negative, not finite, or above the one before it.
    pub fn new(s: impl Into<Vec<f64>>, m: usize, n: usize) -> Result<Self, LinalgError> {
        let s = s.into();
        if s.len() != m.min(n) {
            let [rows, cols, expected, found] = [m, n, m.min(n), s.len()];
            return Err(LinalgError::SpectrumLength { rows, cols, expected, found });
        }
        let mut before = f64::MAX;
        for (index, &value) in s.iter().enumerate() {
            if !(0.0..=before).contains(&value) {
                return Err(LinalgError::SpectrumValue { index, value });
            }
            before = value;
        }
        Ok(Self { s, rows: m, cols: n })
    }

    /// The singular values, descending.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.s
    }

    /// Share of the energy ‖W‖_F² that a truncation to `rank` keeps: Σ_{i≤rank} σᵢ²/Σ σᵢ²; 1 for a zero matrix.
    ///
    /// Ranks above min(m, n) keep everything.
    #[must_use]
    pub fn energy(&self, rank: usize) -> f64 {
        let total = self.squares(self.s.len());
        if total > 0.0 { self.squares(rank) / total } else { 1.0 }
    }

    /// Effective rank: exp(−Σ pᵢ·ln pᵢ) with pᵢ = σᵢ/Σσ (Roy and Vetterli 2007); 0 for a zero matrix.
    #[must_use]
    pub fn effective_rank(&self) -> f64 {
        let total: f64 = self.s.iter().sum();
        if total == 0.0 {
            return 0.0;
        }
        let p = self.s.iter().filter(|&&x| x > 0.0).map(|x| x / total);
        (-p.map(|p| p * p.ln()).sum::<f64>()).exp()
    }

    /// Stable rank: ‖W‖_F²/σ₁²; 0 for a zero matrix.
    #[must_use]
    pub fn stable_rank(&self) -> f64 {
        match self.s.first() {
            Some(&first) if first > 0.0 => self.s.iter().map(|x| (x / first) * (x / first)).sum(),
            _ => 0.0,
        }
    }

    /// Largest singular value to expect of pure noise, √variance·(√m + √n): the upper edge of the Marchenko–Pastur law
    /// for independent entries of mean 0 and variance `noise_variance`.
    #[must_use]
    pub fn marchenko_pastur_edge(&self, noise_variance: f64) -> f64 {
        noise_variance.sqrt() * ((self.rows as f64).sqrt() + (self.cols as f64).sqrt())
    }

    /// Estimated variance of the noise, assuming that most components are noise: σ_median²/(max(m, n)·μ_β).
    ///
    /// μ_β is the median of the Marchenko–Pastur law with aspect β = min(m, n)/max(m, n). A few large components hardly
    /// move the median (Gavish and Donoho 2014, "The optimal hard threshold for singular values is 4/√3", section
    /// III.E). 0 for an empty matrix.
    #[must_use]
    pub fn noise_variance(&self) -> f64 {
        let k = self.s.len();
        if k == 0 {
            return 0.0;
        }
        let median = 0.5 * (self.s[(k - 1) / 2] + self.s[k / 2]);
        let longer = self.rows.max(self.cols) as f64;
        median * median / (longer * marchenko_pastur_median(k as f64 / longer))
    }

    /// Number of singular values above the upper edge of the estimated noise.
    #[must_use]
    pub fn components_above_edge(&self) -> usize {
        self.noise_bulk().start
    }

    /// Positions of the components that look like noise: √v·|√m − √n| ≤ σᵢ ≤ √v·(√m + √n), with v the
    /// [estimated variance](Self::noise_variance).
    ///
    /// The components before the range are larger than noise can be; those after it are smaller than noise would be.
    #[must_use]
    pub fn noise_bulk(&self) -> Range<usize> {
        let variance = self.noise_variance();
        let upper = self.marchenko_pastur_edge(variance);
        let lower = variance.sqrt() * ((self.rows as f64).sqrt() - (self.cols as f64).sqrt()).abs();
        // σ is descending, so bisection finds both edges.
        self.s.partition_point(|&x| x > upper)..self.s.partition_point(|&x| x >= lower)
    }

    /// Computes Σ_{i≤rank} σᵢ² in units of σ₁², so that the squares neither overflow nor vanish.
    fn squares(&self, rank: usize) -> f64 {
        let unit = self.s.first().copied().filter(|&x| x > 0.0).unwrap_or(1.0);
        // A fold, because `sum` of nothing gives −0, which would show in a table.
        self.s.iter().take(rank).fold(0.0, |sum, x| sum + (x / unit) * (x / unit))
    }
}

/// Computes the median of the Marchenko–Pastur law of unit variance and aspect β, 0 < β ≤ 1.
///
/// With the eigenvalue written as t(θ) = 1 + β + 2√β·cos θ, the probability above t(θ) has a closed form; bisection
/// finds the θ where it is one half.
fn marchenko_pastur_median(beta: f64) -> f64 {
    let [mut low, mut high] = [0.0, PI];
    // After 60 halvings the interval is shorter than the spacing of doubles between 0 and π.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if probability_above(beta, middle) < 0.5 {
            low = middle;
        } else {
            high = middle;
        }
    }
    1.0 + beta + 2.0 * beta.sqrt() * low.cos()
}

/// Computes the probability above t(θ): ∫₀^θ 2·sin²x/(π·(1 + β + 2√β·cos x)) dx.
///
/// The integrand is the density √((b−t)(t−a))/(2πβt) on [a, b] = (1 ∓ √β)² with t = t(x) put in.
fn probability_above(beta: f64, theta: f64) -> f64 {
    let root = beta.sqrt();
    let inner = ((1.0 - root) / (1.0 + root) * (0.5 * theta).tan()).atan();
    ((1.0 + beta) * theta - 2.0 * root * theta.sin() - 2.0 * (1.0 - beta) * inner) / (2.0 * PI * beta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::svd::{Method, decompose};
    use crate::test_matrices::gaussian;

    /// Asserts that `actual` differs from `expected` by at most `relative` of it.
    fn close(actual: f64, expected: f64, relative: f64) {
        let difference = (actual - expected).abs();
        assert!(difference <= relative * expected.abs(), "{actual}, expected {expected}");
    }

    #[test]
    fn ranks_of_flat_and_of_peaked_spectra() {
        let flat = Spectrum::new(vec![3.0; 7], 7, 9).unwrap();
        close(flat.effective_rank(), 7.0, 1e-14);
        close(flat.stable_rank(), 7.0, 1e-14);
        let peaked = Spectrum::new([5.0, 0.0, 0.0], 3, 3).unwrap();
        assert_eq!((peaked.effective_rank(), peaked.stable_rank()), (1.0, 1.0));
        let zero = Spectrum::new([0.0, 0.0], 2, 2).unwrap();
        assert_eq!((zero.effective_rank(), zero.stable_rank(), zero.energy(0)), (0.0, 0.0, 1.0));
        // p = ½, ¼, ¼: entropy 1.5·ln 2
        let mixed = Spectrum::new([2.0, 1.0, 1.0], 3, 3).unwrap();
        close(mixed.effective_rank(), 2f64.powf(1.5), 1e-14);
    }

    #[test]
    fn energy_grows_from_nothing_to_all() {
        let spectrum = Spectrum::new([1e200, 1e200, 0.0], 3, 4).unwrap();
        assert_eq!([0, 1, 2, 3, 9].map(|r| spectrum.energy(r)), [0.0, 0.5, 1.0, 1.0, 1.0]);
        assert!(spectrum.energy(0).is_sign_positive(), "−0 would show in a table");
    }

    #[test]
    fn invalid_singular_values_are_refused() {
        assert!(matches!(Spectrum::new([1.0], 2, 3), Err(LinalgError::SpectrumLength { expected: 2, found: 1, .. })));
        for (s, at) in [([1.0, 2.0], 1), ([1.0, -1.0], 1), ([f64::NAN, 0.0], 0), ([f64::INFINITY, 0.0], 0)] {
            let error = Spectrum::new(s, 2, 3).unwrap_err();
            assert!(matches!(error, LinalgError::SpectrumValue { index, .. } if index == at), "{s:?}");
        }
    }

    /// Computes the probability above t by summing the textbook density over 2 million intervals (midpoint rule).
    fn probability_above_reference(beta: f64, t: f64) -> f64 {
        let [a, b] = [(1.0 - beta.sqrt()).powi(2), (1.0 + beta.sqrt()).powi(2)];
        let steps = 2_000_000;
        let width = (b - t) / f64::from(steps);
        let density = |x: f64| ((b - x) * (x - a)).max(0.0).sqrt() / (2.0 * PI * beta * x);
        (0..steps).map(|i| density(t + (f64::from(i) + 0.5) * width) * width).sum()
    }

    #[test]
    fn half_of_the_marchenko_pastur_law_is_above_its_median() {
        for beta in [0.001, 0.1, 1.0 / 3.0, 0.5, 0.9, 1.0] {
            let median = marchenko_pastur_median(beta);
            close(probability_above_reference(beta, median), 0.5, 1e-6);
        }
        // 4/√3 over the root of the median is Gavish and Donoho's 2.858 for square matrices.
        let threshold = 4.0 / (3.0 * marchenko_pastur_median(1.0)).sqrt();
        assert!((threshold - 2.858).abs() < 5e-4, "{threshold}");
    }

    #[test]
    fn noise_stays_below_the_edge_and_a_signal_rises_above_it() {
        let [m, n] = [120, 300];
        let noise = gaussian(m, n, 11);
        let spectrum = |w: &Matrix| {
            let svd = decompose(w.view(), Method::Auto, 1).unwrap();
            Spectrum::new(svd.s, m, n).unwrap()
        };
        let of_noise = spectrum(&noise);
        close(of_noise.noise_variance(), 1.0, 0.05);
        close(of_noise.values()[0], of_noise.marchenko_pastur_edge(1.0), 0.05);
        // Three planted directions, each far above the edge of about 28.
        let mut data = noise.into_data();
        for component in 0..3 {
            for (i, x) in data.iter_mut().enumerate() {
                let [row, col] = [i / n, i % n];
                let hit = row % 3 == component && col % 3 == component;
                *x += if hit { 1.5 } else { 0.0 };
            }
        }
        let planted = spectrum(&Matrix::new(m, n, data).unwrap());
        assert_eq!(planted.components_above_edge(), 3);
        let bulk = planted.noise_bulk();
        assert_eq!(bulk.start, 3);
        assert!(bulk.end >= 115, "nearly all the rest is noise: {bulk:?}");
        close(planted.noise_variance(), 1.0, 0.08);
    }

    #[test]
    fn values_below_the_lower_edge_are_outside_the_bulk() {
        // Aspect 1/4: noise of variance v has singular values from √(100v)·½ to √(100v)·3/2.
        let mut s: Vec<f64> = (0..25).map(|i| 14.0 - 0.3 * f64::from(i)).collect();
        s[..2].copy_from_slice(&[90.0, 80.0]);
        s[23..].copy_from_slice(&[0.5, 0.0]);
        let spectrum = Spectrum::new(s, 25, 100).unwrap();
        let root = spectrum.noise_variance().sqrt();
        assert!(80.0 > 15.0 * root && 14.0 < 15.0 * root && 7.0 > 5.0 * root && 0.5 < 5.0 * root, "{root}");
        assert_eq!(spectrum.noise_bulk(), 2..23);
        assert_eq!(Spectrum::new([], 0, 4).unwrap().noise_bulk(), 0..0);
    }
}
