//! Two lists of nearly equal numbers: takes both, gives the compressed steps from one to the other, and back.
//!
//! A step is the number of representable single-precision numbers between two values. Where both are the same up to
//! rounding, most steps are 0 or ±1 and take two or three bits.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Most bytes of one step before compression.
const LONGEST: usize = 5;

/// The steps from each value of `near` to that of `exact`, compressed; `None` if the lists differ in length.
pub(super) fn encode(exact: &[f32], near: &[f32]) -> Option<Vec<u8>> {
    if exact.len() != near.len() {
        return None;
    }
    let mut bytes = Vec::with_capacity(exact.len() + exact.len() / 8);
    for (exact, near) in exact.iter().zip(near) {
        let step = position(*exact).wrapping_sub(position(*near));
        // Small steps of both signs become small numbers, seven bits a byte.
        let mut rest = ((step << 1) ^ (step >> 31)).cast_unsigned();
        while rest >= 0x80 {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&bytes).ok()?;
    encoder.finish().ok()
}

/// Takes the steps `encoded` from the values of `near`, which become the exact ones; `None` if they are damaged.
pub(super) fn decode(encoded: &[u8], mut near: Vec<f32>) -> Option<Vec<f32>> {
    let mut bytes = Vec::new();
    // A damaged file must not unpack to more than its numbers can take.
    let bound = near.len().checked_mul(LONGEST)?.checked_add(1)?;
    ZlibDecoder::new(encoded).take(bound as u64).read_to_end(&mut bytes).ok()?;
    let mut rest = bytes.iter();
    for value in &mut near {
        let mut number = 0u32;
        for shift in (0..).step_by(7).take(LONGEST) {
            let byte = *rest.next()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        let step = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        *value = number_at(position(*value).wrapping_add(step));
    }
    rest.next().is_none().then_some(near)
}

/// Position of a number in the order of all single-precision numbers, from the lowest to the highest.
fn position(number: f32) -> i32 {
    let bits = number.to_bits().cast_signed();
    bits ^ (((bits >> 31).cast_unsigned()) >> 1).cast_signed()
}

/// The number at a position; the inverse of [`position`].
fn number_at(position: i32) -> f32 {
    let bits = position ^ (((position >> 31).cast_unsigned()) >> 1).cast_signed();
    f32::from_bits(bits.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_two_lists_are_restored_to_the_bit() {
        let odd = [0.0, -0.0, 1.0, -1.0, f32::MIN, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY, f32::NAN, 1e-45, 0.1];
        for turn in 0..odd.len() {
            let mut exact = odd.to_vec();
            exact.rotate_left(turn);
            let restored = decode(&encode(&exact, &odd).unwrap(), odd.to_vec()).unwrap();
            let bits = |list: &[f32]| list.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&restored), bits(&exact));
        }
    }

    #[test]
    fn equal_lists_take_almost_nothing_and_damage_is_noticed() {
        let list: Vec<f32> = (0..10_000).map(|i| (i as f32).sin()).collect();
        let encoded = encode(&list, &list).unwrap();
        assert!(encoded.len() < 100);
        assert!(encode(&list, &list[1..]).is_none());
        for damaged in [&encoded[..encoded.len() / 2], b"", b"not compressed"] {
            assert!(decode(damaged, list.clone()).is_none());
        }
        assert!(decode(&encoded, list[1..].to_vec()).is_none());
    }
}
