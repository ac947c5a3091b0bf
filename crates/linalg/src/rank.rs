//! The choice of a rank: turns ρ, an absolute number or a share of the energy into one integer r.
//!
//! Everything after this step works with the integer.

use std::fmt;
use std::str::FromStr;

use crate::error::LinalgError;

mod fraction;

use fraction::syntax_error;

pub use fraction::RankFraction;

/// A rule for the number of components to keep; it becomes a rank once the matrix is known.
///
/// ```
/// use laser_linalg::RankRule;
/// let rule: RankRule = "e0.9".parse()?;
/// assert_eq!(rule.resolve(2, 3, Some(&[3.0, 1.0]))?, 1); // 9 of 10
/// assert_eq!("r40".parse::<RankRule>()?.resolve(576, 1536, None)?, 40);
/// # Ok::<(), laser_linalg::LinalgError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RankRule {
    /// A share of the maximum rank, written `0.01`: r = ⌊ρ·min(m, n)⌋.
    Fraction(RankFraction),
    /// The rank itself, written `r40`.
    Absolute(usize),
    /// A share e of the energy, written `e0.9`: the smallest r with Σ_{i≤r} σᵢ² ≥ e·Σ σᵢ².
    Energy(RankFraction),
}

impl RankRule {
    /// Tells whether [`resolve`](Self::resolve) needs the singular values.
    #[must_use]
    pub fn needs_spectrum(self) -> bool {
        matches!(self, Self::Energy(_))
    }

    /// Computes the rank for a matrix \[m, n\] with all singular values `s`, descending.
    ///
    /// # Errors
    /// [`LinalgError::RankTooLarge`] for an absolute rank above min(m, n);
    /// [`LinalgError::SpectrumMissing`] and [`LinalgError::SpectrumLength`] for an energy without
    /// its min(m, n) singular values.
    pub fn resolve(self, m: usize, n: usize, s: Option<&[f64]>) -> Result<usize, LinalgError> {
        let max = m.min(n);
        match self {
            Self::Fraction(rho) => Ok(rho.of(max)),
            Self::Absolute(rank) => check_rank(rank, m, n).map(|()| rank),
            Self::Energy(share) => {
                let s = s.ok_or_else(|| LinalgError::SpectrumMissing { rule: self.to_string() })?;
                if s.len() != max {
                    let [rows, cols, expected, found] = [m, n, max, s.len()];
                    return Err(LinalgError::SpectrumLength { rows, cols, expected, found });
                }
                Ok(rank_of_energy(s, share.to_f64()))
            }
        }
    }
}

impl FromStr for RankRule {
    type Err = LinalgError;

    fn from_str(text: &str) -> Result<Self, LinalgError> {
        const EXPECTED: &str = "a rank (0.01 for a fraction, r40 for a number, e0.9 for an energy)";
        if let Some(digits) = text.strip_prefix('r') {
            // `parse` alone would accept a plus sign.
            let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
            let rank = if only_digits { digits.parse().ok() } else { None };
            return rank.map(Self::Absolute).ok_or_else(|| syntax_error(text, EXPECTED, "no whole number after r"));
        }
        if let Some(share) = text.strip_prefix('e') {
            return RankFraction::parse_as(share, EXPECTED).map(Self::Energy);
        }
        RankFraction::parse_as(text, EXPECTED).map(Self::Fraction)
    }
}

impl fmt::Display for RankRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(rho) => write!(f, "{rho}"),
            Self::Absolute(rank) => write!(f, "r{rank}"),
            Self::Energy(share) => write!(f, "e{share}"),
        }
    }
}

/// Checks that `rank` is possible for a matrix \[m, n\], that is, not above min(m, n).
pub(crate) fn check_rank(rank: usize, m: usize, n: usize) -> Result<(), LinalgError> {
    let max = m.min(n);
    if rank <= max { Ok(()) } else { Err(LinalgError::RankTooLarge { rank, max, rows: m, cols: n }) }
}

/// Computes the smallest r with Σ_{i≤r} σᵢ² ≥ share·Σ σᵢ².
///
/// Both sums run from σ₁ on and so round alike: a share of 1 is reached as soon as further σ² no longer change the sum.
fn rank_of_energy(s: &[f64], share: f64) -> usize {
    let needed = share * s.iter().map(|x| x * x).sum::<f64>();
    let mut kept = 0.0;
    let mut rank = 0;
    while kept < needed && rank < s.len() {
        kept += s[rank] * s[rank];
        rank += 1;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a fraction that is valid.
    fn rho(text: &str) -> RankFraction {
        text.parse().unwrap()
    }

    #[test]
    fn rules_are_read_and_written() {
        for text in ["0.01", "1", "r40", "r0", "e0.9", "e1"] {
            assert_eq!(text.parse::<RankRule>().unwrap().to_string(), text);
        }
        for text in ["r", "r-1", "r+1", "r1.5", "e", "e2", "x", "r99999999999999999999"] {
            assert!(text.parse::<RankRule>().is_err(), "{text}");
        }
        assert!("e0.9".parse::<RankRule>().unwrap().needs_spectrum());
        assert!(!"0.9".parse::<RankRule>().unwrap().needs_spectrum());
    }

    #[test]
    fn an_absolute_rank_above_the_maximum_names_both() {
        let error = RankRule::Absolute(577).resolve(576, 1536, None).unwrap_err();
        let expected = "rank 577 is above 576, the maximum rank of a 576 x 1536 matrix";
        assert_eq!(error.to_string(), expected);
        assert_eq!(RankRule::Absolute(576).resolve(576, 1536, None), Ok(576));
    }

    #[test]
    fn energy_takes_the_smallest_sufficient_rank() {
        let s = [3.0, 2.0, 1.0, 0.0]; // squares 9, 4, 1 of 14
        let rank = |e: &str| RankRule::Energy(rho(e)).resolve(4, 9, Some(&s)).unwrap();
        assert_eq!(["0", "0.6", "0.7", "0.95", "1"].map(rank), [0, 1, 2, 3, 3]);
        let zero = RankRule::Energy(rho("0.5")).resolve(1, 1, Some(&[0.0]));
        assert_eq!(zero, Ok(0));
        let rule = RankRule::Energy(rho("0.5"));
        assert!(matches!(rule.resolve(4, 9, None), Err(LinalgError::SpectrumMissing { .. })));
        assert!(matches!(
            rule.resolve(4, 9, Some(&s[..3])),
            Err(LinalgError::SpectrumLength { expected: 4, found: 3, .. })
        ));
    }
}
