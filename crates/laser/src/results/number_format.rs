//! Number format: writes fractions, differences, p-values and counts for sentences and tables.

/// Writes a fraction as a percentage with one decimal: 0.3125 becomes `31.3 %`.
pub fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// Writes a difference of fractions in percentage points, with its sign and one decimal: −0.012 becomes `−1.2`. Zero has
/// no sign.
pub fn points(difference: f64) -> String {
    // The sign is that of the rounded number, so that −0.0001 becomes `0.0` and not `−0.0`.
    let tenths = (1000.0 * difference).round();
    let sign = match tenths {
        t if t > 0.0 => "+",
        t if t < 0.0 => "−",
        _ => "",
    };
    format!("{sign}{:.1}", tenths.abs() / 10.0)
}

/// Writes a difference in nats with its sign and four decimals: −0.01234 becomes `−0.0123`. Zero has no sign.
pub fn nats(difference: f64) -> String {
    let rounded = (10_000.0 * difference).round();
    let sign = match rounded {
        t if t > 0.0 => "+",
        t if t < 0.0 => "−",
        _ => "",
    };
    format!("{sign}{:.4}", rounded.abs() / 10_000.0)
}

/// Writes nats with two decimals: −0.0123 becomes `−0.01`, 0.43 becomes `0.43`. Zero has no sign.
pub fn short_nats(nats: f64) -> String {
    nats_with(2, nats)
}

/// Writes nats with a number of decimals, and with a sign only below zero.
pub fn nats_with(decimals: usize, nats: f64) -> String {
    let digits = format!("{:.decimals$}", nats.abs());
    let is_zero = digits.chars().all(|c| c == '0' || c == '.');
    if nats < 0.0 && !is_zero { format!("−{digits}") } else { digits }
}

/// Writes a difference in nats with its sign and three decimals: 0.0123 becomes `+0.012`. Zero has no sign.
pub fn signed_nats(difference: f64) -> String {
    let text = nats_with(3, difference);
    if difference > 0.0 && text != nats_with(3, 0.0) { format!("+{text}") } else { text }
}

/// Writes an interval, `−1.2 to +3.4`; a dash without one.
pub fn interval(ci95: Option<[f64; 2]>, number: impl Fn(f64) -> String) -> String {
    ci95.map_or_else(|| "–".to_owned(), |[low, high]| format!("{} to {}", number(low), number(high)))
}

/// Writes a p-value with two significant digits, `p = 0.031`; below 0.0001 as `p < 0.0001`.
pub fn p_value(p: f64) -> String {
    match p {
        p if p < 0.0001 => "p < 0.0001".to_owned(),
        p if p < 0.001 => format!("p = {p:.5}"),
        p if p < 0.01 => format!("p = {p:.4}"),
        p if p < 0.1 => format!("p = {p:.3}"),
        p => format!("p = {p:.2}"),
    }
}

/// Writes a count with a comma between thousands: `65,757`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign_unless_they_round_to_zero() {
        let written = [0.0333, -0.0333, 0.0004, -0.0004, 0.0, 1.0].map(points);
        assert_eq!(written, ["+3.3", "−3.3", "0.0", "0.0", "0.0", "+100.0"]);
    }

    #[test]
    fn nats_have_four_decimals() {
        assert_eq!([0.01234, -0.01236, 0.00001, -2.0].map(nats), ["+0.0123", "−0.0124", "0.0000", "−2.0000"]);
    }

    #[test]
    fn short_nats_have_two_decimals_and_no_plus() {
        assert_eq!([0.426, -0.0123, -0.001, 12.0].map(short_nats), ["0.43", "−0.01", "0.00", "12.00"]);
        assert_eq!([-0.0204, -0.0004].map(|nats| nats_with(3, nats)), ["−0.020", "0.000"]);
        assert_eq!([0.0204, -0.0204, 0.0004, -0.0004].map(signed_nats), ["+0.020", "−0.020", "0.000", "0.000"]);
    }

    #[test]
    fn small_p_values_keep_two_digits() {
        let written = [1.0, 0.5, 0.0314, 0.00314, 0.000314, 0.0000314].map(p_value);
        let want = ["1.00", "0.50", "0.031", "0.0031", "0.00031"].map(|p| format!("p = {p}"));
        assert_eq!(written[..5], want);
        assert_eq!(written[5], "p < 0.0001");
    }

    #[test]
    fn a_missing_interval_is_a_dash() {
        assert_eq!(interval(Some([-0.012, 0.034]), points), "−1.2 to +3.4");
        assert_eq!(interval(None, points), "–");
    }

    #[test]
    fn counts_and_percentages() {
        assert_eq!([0, 999, 1000, 65_757, 1_234_567].map(count).join(" "), "0 999 1,000 65,757 1,234,567");
        assert_eq!(percent(0.31249), "31.2 %");
    }
}
