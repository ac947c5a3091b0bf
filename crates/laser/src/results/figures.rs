//! Figures: how fractions, differences, p-values and counts are written for people.

/// A fraction as a percentage with one decimal: 0.3125 is `31.3 %`.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// A difference of fractions in signed percentage points with one decimal: −0.012 is `−1.2`.
pub(crate) fn points(difference: f64) -> String {
    let tenths = (1000.0 * difference).round();
    let sign = match tenths {
        t if t > 0.0 => "+",
        t if t < 0.0 => "−",
        _ => "",
    };
    format!("{sign}{:.1}", tenths.abs() / 10.0)
}

/// A difference in nats with its sign and four decimals: −0.01234 is `−0.0123`.
pub(crate) fn nats(difference: f64) -> String {
    let rounded = (10_000.0 * difference).round();
    let sign = match rounded {
        t if t > 0.0 => "+",
        t if t < 0.0 => "−",
        _ => "",
    };
    format!("{sign}{:.4}", rounded.abs() / 10_000.0)
}

/// A p-value with two significant digits, `< 0.0001` below that: `p = 0.031`.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if p < 0.0001 => "p < 0.0001".to_owned(),
        p if p < 0.001 => format!("p = {p:.5}"),
        p if p < 0.01 => format!("p = {p:.4}"),
        p if p < 0.1 => format!("p = {p:.3}"),
        p => format!("p = {p:.2}"),
    }
}

/// A count with thousands separated: `65,757`.
pub(crate) fn count(n: usize) -> String {
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
    fn differences_carry_a_sign_unless_they_round_to_nothing() {
        let written = [0.0333, -0.0333, 0.0004, -0.0004, 0.0, 1.0].map(points);
        assert_eq!(written, ["+3.3", "−3.3", "0.0", "0.0", "0.0", "+100.0"]);
    }

    #[test]
    fn nats_have_four_decimals() {
        assert_eq!([0.01234, -0.01236, 0.00001, -2.0].map(nats), ["+0.0123", "−0.0124", "0.0000", "−2.0000"]);
    }

    #[test]
    fn small_p_keep_their_digits() {
        let written = [1.0, 0.5, 0.0314, 0.00314, 0.000314, 0.0000314].map(p_value);
        let want = ["1.00", "0.50", "0.031", "0.0031", "0.00031"].map(|p| format!("p = {p}"));
        assert_eq!(written[..5], want);
        assert_eq!(written[5], "p < 0.0001");
    }

    #[test]
    fn counts_and_percentages() {
        assert_eq!([0, 999, 1000, 65_757, 1_234_567].map(count).join(" "), "0 999 1,000 65,757 1,234,567");
        assert_eq!(percent(0.31249), "31.2 %");
    }
}
