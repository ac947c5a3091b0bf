//! Numbers of GGUF, which have 32 bits, as the decimal numbers that their authors wrote.

/// The shortest decimal number that rounds to the same 32-bit float, because GGUF stores 32 bits: `1e-5`, not
/// `0.0000099999997`. Other values stay as they are.
pub fn shortest(value: f64) -> f64 {
    let single = value as f32;
    match single.to_string().parse() {
        Ok(decimal) if f64::from(single) == value => decimal,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::shortest;

    #[test]
    fn numbers_stored_in_32_bits_become_short_decimals() {
        assert_eq!(shortest(f64::from(1e-5f32)), 1e-5);
        assert_eq!(shortest(500_000.0), 500_000.0);
        assert_eq!(shortest(0.1), 0.1);
    }
}
