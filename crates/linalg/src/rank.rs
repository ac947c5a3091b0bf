//! How a rank is chosen: ρ, an absolute number, or a share of the energy, down to one integer r.
//!
//! The absolute rank is what everything after this works with. ρ is an exact decimal here and
//! r = ⌊ρ·min(m, n)⌋ is exact too: 0.3 of 10 is 3, where a product of floats may give 2.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::LinalgError;

/// Decimal places kept; the largest number for which every numerator fits 64 bits with room.
const MAX_PLACES: u32 = 18;

/// ρ: the share of the maximum rank that is kept, an exact decimal from 0 to 1.
///
/// ```
/// use laser_linalg::RankFraction;
/// let rho: RankFraction = "0.01".parse()?;
/// assert_eq!(rho.of(4096), 40);
/// assert_eq!(rho, RankFraction::from_rate("9.9")?);
/// assert_eq!("1.".parse::<RankFraction>()?.to_string(), "1");
/// # Ok::<(), laser_linalg::LinalgError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RankFraction {
    /// The value times 10^places, not divisible by 10 unless `places` is 0.
    numerator: u64,
    places: u32,
}

impl RankFraction {
    /// ρ = 0: nothing is kept.
    pub const ZERO: Self = Self { numerator: 0, places: 0 };
    /// ρ = 1: the weight is left alone.
    pub const ONE: Self = Self { numerator: 1, places: 0 };

    /// ⌊ρ·max_rank⌋.
    #[must_use]
    pub fn of(self, max_rank: usize) -> usize {
        let product = u128::from(self.numerator) * max_rank as u128; // below 2^60 · 2^64
        let floor = product / 10u128.pow(self.places);
        usize::try_from(floor).expect("at most max_rank because the fraction is at most 1")
    }

    /// The nearest f64.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().expect("a number because it is digits with one point")
    }

    /// ρ = (10 − rate)/10, for the `rate` of the reference implementation's command line, 0 to 10.
    ///
    /// # Errors
    /// [`LinalgError::Syntax`] if the text is not a decimal from 0 to 10.
    pub fn from_rate(rate: &str) -> Result<Self, LinalgError> {
        let fail = |reason| syntax(rate, "a rate", reason);
        let (numerator, places) = decimal(rate).map_err(fail)?;
        let ten = 10 * 10u64.pow(places);
        if numerator > ten {
            return Err(fail("above 10"));
        }
        if places == MAX_PLACES && numerator != ten {
            return Err(fail(TOO_LONG));
        }
        Ok(Self::canonical(ten - numerator, places + 1))
    }

    fn canonical(mut numerator: u64, mut places: u32) -> Self {
        while places > 0 && numerator.is_multiple_of(10) {
            numerator /= 10;
            places -= 1;
        }
        Self { numerator, places }
    }

    fn parse_as(text: &str, expected: &'static str) -> Result<Self, LinalgError> {
        let fail = |reason| syntax(text, expected, reason);
        let (numerator, places) = decimal(text).map_err(fail)?;
        if numerator > 10u64.pow(places) {
            return Err(fail("above 1"));
        }
        Ok(Self::canonical(numerator, places))
    }
}

impl FromStr for RankFraction {
    type Err = LinalgError;

    /// Reads digits with at most one point: `0.01`, `.9`, `1`. No sign, no exponent, no percent.
    fn from_str(text: &str) -> Result<Self, LinalgError> {
        Self::parse_as(text, "a fraction from 0 to 1")
    }
}

impl fmt::Display for RankFraction {
    /// The shortest decimal: `0.01`, `0.9`, `1`, `0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.places as usize {
            0 => write!(f, "{}", self.numerator),
            // The integer part is 0: 1 is the only larger value, and it has no places.
            places => write!(f, "0.{:0places$}", self.numerator),
        }
    }
}

impl Ord for RankFraction {
    fn cmp(&self, other: &Self) -> Ordering {
        let scaled = |x: &Self, y: &Self| u128::from(x.numerator) * 10u128.pow(y.places);
        scaled(self, other).cmp(&scaled(other, self))
    }
}

impl PartialOrd for RankFraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How many components to keep, before the matrix is known.
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
    /// `0.01`: r = ⌊ρ·min(m, n)⌋.
    Fraction(RankFraction),
    /// `r40`: r itself.
    Absolute(usize),
    /// `e0.9`: the smallest r with Σ_{i≤r} σᵢ² ≥ e·Σ σᵢ².
    Energy(RankFraction),
}

impl RankRule {
    /// Whether [`resolve`](Self::resolve) needs the singular values.
    #[must_use]
    pub fn needs_spectrum(self) -> bool {
        matches!(self, Self::Energy(_))
    }

    /// The rank for a matrix \[m, n\] with singular values `s`, descending.
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
            let only_digits = digits.bytes().all(|b| b.is_ascii_digit());
            let rank = if only_digits { digits.parse().ok() } else { None };
            return rank.map(Self::Absolute).ok_or_else(|| syntax(text, EXPECTED, "no whole number after r"));
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

/// Refuses a rank above min(m, n).
pub(crate) fn check_rank(rank: usize, m: usize, n: usize) -> Result<(), LinalgError> {
    let max = m.min(n);
    if rank <= max { Ok(()) } else { Err(LinalgError::RankTooLarge { rank, max, rows: m, cols: n }) }
}

/// The smallest r with Σ_{i≤r} σᵢ² ≥ share·Σ σᵢ².
///
/// Both sums run from σ₁ on, so that a share of 1 is reached exactly where σ² stops mattering.
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

const TOO_LONG: &str = "more than 18 decimal places";

/// Reads an unsigned decimal below 100 as numerator and places, trailing zeros dropped.
fn decimal(text: &str) -> Result<(u64, u32), &'static str> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err("no digits");
    }
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err("expected digits with at most one point");
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.len() > 2 {
        return Err("far too large");
    }
    let places = u32::try_from(fraction.len()).ok().filter(|&p| p <= MAX_PLACES).ok_or(TOO_LONG)?;
    let digits = [whole, fraction].concat();
    let value: u128 =
        if digits.is_empty() { 0 } else { digits.parse().expect("at most 20 digits because both parts were measured") };
    u64::try_from(value).map(|value| (value, places)).map_err(|_| "far too large")
}

fn syntax(text: &str, expected: &'static str, reason: &'static str) -> LinalgError {
    LinalgError::Syntax { text: text.to_owned(), expected, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rho(text: &str) -> RankFraction {
        text.parse().unwrap()
    }

    #[test]
    fn the_floor_is_exact() {
        assert_eq!(rho("0.01").of(4096), 40);
        assert_eq!(rho("0.3").of(10), 3);
        assert_eq!(rho(".29").of(100), 29); // 0.29 * 100.0 is 28.999999999999996
        assert_eq!(rho("0.999999999999999999").of(usize::MAX), 18_446_744_073_709_551_596);
        assert_eq!((rho("0").of(768), rho("1").of(768)), (0, 768));
        for (text, of_768) in [(".9", 691), ("0.075", 57), ("0.0025", 1), ("0.001", 0)] {
            assert_eq!(rho(text).of(768), of_768, "{text}");
        }
    }

    #[test]
    fn one_value_has_one_form() {
        for (text, shortest) in [("0.010", "0.01"), (".9", "0.9"), ("1.000", "1"), ("00.5", "0.5"), ("0.", "0")] {
            assert_eq!(rho(text).to_string(), shortest);
            assert_eq!(rho(text), rho(shortest));
        }
        assert_eq!(rho("0.0025").to_f64(), 0.0025);
        assert_eq!((rho("0"), rho("1.0")), (RankFraction::ZERO, RankFraction::ONE));
        let mut sorted = [rho("0.2"), rho("0.05"), rho("1"), rho("0.15"), rho("0")];
        sorted.sort();
        assert_eq!(sorted.map(|x| x.to_string()), ["0", "0.05", "0.15", "0.2", "1"]);
    }

    #[test]
    fn what_is_not_a_fraction_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "no digits"),
            (".", "no digits"),
            ("1.01", "above 1"),
            ("1e-2", "expected digits with at most one point"),
            ("-0.1", "expected digits with at most one point"),
            ("0.1.2", "expected digits with at most one point"),
            ("٣", "expected digits with at most one point"),
            ("0.1234567890123456789", TOO_LONG),
            ("99.999999999999999999", "far too large"),
            ("123456789012345678901234567890", "far too large"),
        ] {
            match text.parse::<RankFraction>() {
                Err(LinalgError::Syntax { reason: found, .. }) => {
                    assert_eq!(found, reason, "{text}")
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        // Trailing zeros carry no digits.
        assert_eq!(rho("0.10000000000000000000000"), rho("0.1"));
    }

    #[test]
    fn a_rate_becomes_the_fraction_kept() {
        for (rate, kept) in
            [("9.9", "0.01"), ("0", "1"), ("10", "0"), ("10.0", "0"), ("2.5", "0.75"), ("9.975", "0.0025")]
        {
            assert_eq!(RankFraction::from_rate(rate).unwrap(), rho(kept), "{rate}");
        }
        assert!(RankFraction::from_rate("10.1").is_err());
        assert!(RankFraction::from_rate("0.000000000000000001").is_err());
        // d = 1000 is where the reference's floats give 9.
        assert_eq!(RankFraction::from_rate("9.9").unwrap().of(1000), 10);
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
