//! Blocks of MXFP4 (OCP Microscaling Formats): 32 numbers of four bits that share an exponent of eight bits.
//!
//! A block is the exponent's byte, then 16 bytes with a number in each half: those in the low halves come first.

/// Number of values in a block.
const VALUES: usize = 32;
/// Number of bytes of a block.
const BYTES: usize = 17;

/// Twice the number that each code stands for. Code 8 is the negative zero of the format, which other readers of GGUF take for
/// zero as well.
const DOUBLED: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The largest of [`DOUBLED`], which stands for zero among whole numbers without a sign.
pub(super) const ZERO: u8 = 12;

/// Half of two to the power of `exponent` − 127: the factor of [`DOUBLED`].
fn scale(exponent: u8) -> f32 {
    match exponent {
        // Too small for a normal number.
        0 | 1 => f32::from_bits(0x0020_0000 << exponent),
        _ => f32::from_bits((u32::from(exponent) - 1) << 23),
    }
}

/// Exponent of a block whose largest absolute value is `largest`: such that this value lies between 4 and 8, of which the
/// format has 4 and 6.
fn exponent(largest: f32) -> u8 {
    let power = (largest.to_bits() >> 23 & 0xff) as u8; // of two, plus 127; 0 for zero and smaller numbers
    power.saturating_sub(2)
}

/// Converts whole blocks to values and fills `out`, which is as long as the values.
pub(super) fn dequantise(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in bytes.chunks_exact(BYTES).zip(out.chunks_exact_mut(VALUES)) {
        let scale = scale(block[0]);
        let (low, high) = out.split_at_mut(VALUES / 2);
        for ((byte, low), high) in block[1..].iter().zip(low).zip(high) {
            *low = scale * f32::from(DOUBLED[usize::from(byte & 15)]);
            *high = scale * f32::from(DOUBLED[usize::from(byte >> 4)]);
        }
    }
}

/// Converts the values of whole blocks to bytes; returns the bytes and the values that reading them gives.
pub(super) fn quantise(values: &[f32]) -> (Vec<u8>, Vec<f32>) {
    let mut bytes = Vec::with_capacity(values.len() / VALUES * BYTES);
    for values in values.chunks_exact(VALUES) {
        let exponent = exponent(values.iter().fold(0.0, |largest, v| largest.max(v.abs())));
        let scale = scale(exponent);
        bytes.push(exponent);
        let (low, high) = values.split_at(VALUES / 2);
        bytes.extend(low.iter().zip(high).map(|(low, high)| nearest(*low, scale) | nearest(*high, scale) << 4));
    }
    let mut stored = vec![0.0; values.len()];
    dequantise(&bytes, &mut stored);
    (bytes, stored)
}

/// The code of the number nearest to a value; of two equally near ones the first.
fn nearest(value: f32, scale: f32) -> u8 {
    let distance = |code: u8| (scale * f32::from(DOUBLED[usize::from(code)]) - value).abs();
    (1..16).fold(0, |best, code| if distance(code) < distance(best) { code } else { best })
}

/// Reads a block as whole numbers, which it writes to `codes`, and a scale, which it returns.
pub(super) fn read_codes(block: &[u8], codes: &mut [u8]) -> f32 {
    let (low, high) = codes.split_at_mut(VALUES / 2);
    let whole = |code: u8| ZERO.wrapping_add_signed(DOUBLED[usize::from(code)]);
    for ((byte, low), high) in block[1..].iter().zip(low).zip(high) {
        (*low, *high) = (whole(byte & 15), whole(byte >> 4));
    }
    scale(block[0])
}

/// Joins codes and exponents that are stored apart to blocks: of `codes`, each byte holds two consecutive numbers, the first
/// in its low half.
pub(crate) fn joined(codes: &[u8], exponents: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(exponents.len() * BYTES);
    for (codes, exponent) in codes.chunks_exact(VALUES / 2).zip(exponents) {
        let code = |i: usize| codes[i / 2] >> (i % 2 * 4) & 15;
        blocks.push(*exponent);
        blocks.extend((0..VALUES / 2).map(|i| code(i) | code(i + VALUES / 2) << 4));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_the_format_has_come_back() {
        // With every largest number, so that the exponent that is chosen need not be the one that was meant.
        for largest in DOUBLED.iter().filter(|doubled| **doubled != 0) {
            for power in [-20, -1, 0, 9] {
                let smaller = DOUBLED.iter().filter(|doubled| doubled.unsigned_abs() <= largest.unsigned_abs());
                let mut values: Vec<f32> = smaller.map(|d| f32::from(*d) * 2f32.powi(power)).collect();
                values.resize(VALUES, 0.0);
                assert_eq!(quantise(&values).1, values, "{largest} times two to the power of {power}");
            }
        }
    }

    #[test]
    fn parts_stored_apart_give_the_numbers_in_their_order() {
        // Codes 0 to 15 twice; exponents 127 and 129 for the numbers themselves and four times them.
        let codes: Vec<u8> = (0..VALUES as u8 / 4).map(|i| 2 * i + 16 * (2 * i + 1)).collect();
        let mut values = vec![0.0; 2 * VALUES];
        dequantise(&joined(&codes.repeat(4), &[127, 129]), &mut values);
        for (i, value) in values.iter().enumerate() {
            let factor = if i < VALUES { 0.5 } else { 2.0 };
            assert_eq!(*value, factor * f32::from(DOUBLED[i % 16]), "{i}");
        }
    }

    #[test]
    fn scales_reach_from_the_smallest_to_the_largest_exponent() {
        for exponent in 0..=254 {
            assert_eq!(f64::from(scale(exponent)), 2f64.powi(i32::from(exponent) - 128), "{exponent}");
        }
    }
}
