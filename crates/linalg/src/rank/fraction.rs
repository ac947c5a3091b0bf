//! The share ρ of the maximum rank as an exact decimal: reads it from text, and computes ⌊ρ·rank⌋ without rounding.
//!
//! Floats would not do: 0.29 · 100.0 is 28.999999999999996, whose floor is 28 instead of 29.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::error::LinalgError;

/// Largest number of decimal places. The largest numerator, that of a rate of 10, is 10·10¹⁸, which fits 64 bits.
const MAX_PLACES: u32 = 18;

/// The share ρ of the maximum rank that a truncation keeps: an exact decimal from 0 to 1.
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
    /// ρ·10^places; not divisible by 10 unless `places` is 0, so that equal values have equal fields.
    numerator: u64,
    /// Number of decimal places.
    places: u32,
}

impl RankFraction {
    /// ρ = 0, which keeps nothing.
    pub const ZERO: Self = Self { numerator: 0, places: 0 };
    /// ρ = 1, which leaves the matrix unchanged.
    pub const ONE: Self = Self { numerator: 1, places: 0 };

    /// Computes the rank ⌊ρ·max_rank⌋ exactly.
    #[must_use]
    pub fn of(self, max_rank: usize) -> usize {
        let product = u128::from(self.numerator) * max_rank as u128; // below 2^60 · 2^64
        let floor = product / 10u128.pow(self.places);
        usize::try_from(floor).expect("at most max_rank because the fraction is at most 1")
    }

    /// The shortest decimal ρ with ⌊ρ·max_rank⌋ = rank, and of these the smallest; the inverse of [`RankFraction::of`].
    /// `None` for a rank above `max_rank`.
    #[must_use]
    pub fn with_rank(rank: usize, max_rank: usize) -> Option<Self> {
        let of_places = |places: u32| {
            let scaled = rank as u128 * 10u128.pow(places);
            let numerator = u64::try_from(scaled.div_ceil(max_rank.max(1) as u128)).ok()?;
            Some(Self::canonical(numerator, places)).filter(|rho| *rho <= Self::ONE && rho.of(max_rank) == rank)
        };
        (0..=MAX_PLACES).find_map(of_places)
    }

    /// The nearest f64 to ρ.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // By way of text: numerator/10^places in floats could be off by one rounding.
        self.to_string().parse().expect("a number because it is digits with one point")
    }

    /// Reads the `rate` of the reference implementation's command line, from 0 to 10: ρ = (10 − rate)/10.
    ///
    /// # Errors
    /// [`LinalgError::Syntax`] if the text is not a decimal from 0 to 10.
    pub fn from_rate(rate: &str) -> Result<Self, LinalgError> {
        let fail = |reason| syntax_error(rate, "a rate", reason);
        let (numerator, places) = read_decimal(rate).map_err(fail)?;
        let ten = 10 * 10u64.pow(places);
        if numerator > ten {
            return Err(fail("above 10"));
        }
        // The difference has one place more than the rate, and must not exceed the limit either.
        if places == MAX_PLACES && numerator != ten {
            return Err(fail(TOO_LONG));
        }
        Ok(Self::canonical(ten - numerator, places + 1))
    }

    /// Makes the fraction numerator/10^places, without trailing zeros.
    fn canonical(mut numerator: u64, mut places: u32) -> Self {
        while places > 0 && numerator.is_multiple_of(10) {
            numerator /= 10;
            places -= 1;
        }
        Self { numerator, places }
    }

    /// Reads a decimal from 0 to 1 or a percentage; the error message says that `expected` was wanted.
    pub(super) fn parse_as(text: &str, expected: &'static str) -> Result<Self, LinalgError> {
        let fail = |reason| syntax_error(text, expected, reason);
        let percentage = text.strip_suffix('%').map(|digits| hundredth(digits.trim_end()));
        let (numerator, places) = read_decimal(percentage.as_deref().unwrap_or(text)).map_err(fail)?;
        if numerator > 10u64.pow(places) {
            return Err(fail("above 1"));
        }
        Ok(Self::canonical(numerator, places))
    }
}

impl FromStr for RankFraction {
    type Err = LinalgError;

    /// Reads digits with at most one point, such as `0.01`, `.9` or `1`, or such digits with a percent sign, `1%`; no
    /// sign, no exponent.
    fn from_str(text: &str) -> Result<Self, LinalgError> {
        Self::parse_as(text, "a fraction from 0 to 1")
    }
}

impl fmt::Display for RankFraction {
    /// Writes the shortest decimal, such as `0.01`, `0.9`, `1` or `0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.places as usize {
            0 => write!(f, "{}", self.numerator),
            // The integer part is 0, because the only larger value is 1 and 1 has no places.
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

/// Reason in the error for a decimal with more than [`MAX_PLACES`] places.
const TOO_LONG: &str = "more than 18 decimal places";

/// A decimal divided by 100, exactly: its point moves by two places. Text that is no decimal stays none.
fn hundredth(digits: &str) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = if whole.is_empty() && fraction.is_empty() { String::new() } else { format!("{whole:0>2}") };
    // Other characters than digits may be longer than a byte; they are refused later, as they stand.
    match padded.len().checked_sub(2).and_then(|point| padded.split_at_checked(point)) {
        Some((whole, hundredths)) => format!("{whole}.{hundredths}{fraction}"),
        None => digits.to_owned(),
    }
}

/// Reads an unsigned decimal below 100 as its numerator and its number of places, without trailing zeros.
fn read_decimal(text: &str) -> Result<(u64, u32), &'static str> {
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

/// Makes the error for a `text` that cannot be read.
pub(super) fn syntax_error(text: &str, expected: &'static str, reason: &'static str) -> LinalgError {
    LinalgError::Syntax { text: text.to_owned(), expected, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a fraction that is valid.
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
    fn malformed_fractions_are_refused_with_a_reason() {
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
        // For d = 1000 the floating-point arithmetic of the reference gives 9.
        assert_eq!(RankFraction::from_rate("9.9").unwrap().of(1000), 10);
    }

    #[test]
    fn a_fraction_is_found_for_every_rank() {
        for max in [1, 7, 48, 576, 11_008] {
            for rank in 0..=max {
                let rho = RankFraction::with_rank(rank, max).expect("a rank up to the largest");
                assert_eq!(rho.of(max), rank, "{rho} of {max}");
            }
            assert_eq!(RankFraction::with_rank(max + 1, max), None);
        }
        let text = |rank, max| RankFraction::with_rank(rank, max).map(|rho| rho.to_string());
        assert_eq!(
            [text(57, 576), text(519, 576), text(0, 5), text(5, 5)].map(Option::unwrap_or_default),
            ["0.1", "0.902", "0", "1"]
        );
    }
}
