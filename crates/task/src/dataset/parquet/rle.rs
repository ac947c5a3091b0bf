//! Parquet's hybrid of run-length encoding and bit packing: takes bytes, gives small numbers. Used for levels and for
//! indices into a dictionary. (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>)

use super::bytes::Bytes;

/// Reads the next `n` numbers of `width` bits. The caller has charged them to the budget.
pub(super) fn read(bytes: &mut Bytes<'_>, width: u32, n: usize) -> Result<Vec<u32>, String> {
    if width > 32 {
        return Err(format!("expected numbers of at most 32 bits, found {width}"));
    }
    let mut numbers = Vec::with_capacity(n);
    while numbers.len() < n {
        let left = n - numbers.len();
        let head = bytes.varint()?;
        let run = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        if head & 1 == 1 {
            // Bit-packed: `run` groups of eight numbers; the page may end inside the last group.
            let size = run.saturating_mul(width as usize).min(bytes.0.len());
            let packed = bytes.take(size)?;
            let stored = if width == 0 { run.saturating_mul(8) } else { size * 8 / width as usize };
            if stored == 0 {
                return Err(format!("expected {left} numbers more, found an empty run"));
            }
            numbers.extend((0..stored.min(left)).map(|i| unpacked(packed, i, width)));
        } else {
            // One number, repeated `run` times.
            let mut number = [0; 4];
            let size = width.div_ceil(8) as usize;
            number[..size].copy_from_slice(bytes.take(size)?);
            if run == 0 {
                return Err(format!("expected {left} numbers more, found an empty run"));
            }
            numbers.extend(std::iter::repeat_n(u32::from_le_bytes(number), run.min(left)));
        }
    }
    Ok(numbers)
}

/// Unpacks number `i` of `width` bits, stored from the lowest bit on.
fn unpacked(packed: &[u8], i: usize, width: u32) -> u32 {
    let bit = i * width as usize;
    // Eight bytes always contain the whole number: at most 7 bits before it and 32 bits of it.
    let mut window = [0; 8];
    let rest = packed.get(bit / 8..).unwrap_or_default();
    let size = rest.len().min(8);
    window[..size].copy_from_slice(&rest[..size]);
    let mask = (1_u64 << width) - 1;
    ((u64::from_le_bytes(window) >> (bit % 8)) & mask) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_bit_packed_runs_are_decoded() {
        // A run of five times 3; then 0 to 7 in three bits each, the example of the format's documentation.
        let bytes = [5 << 1, 3, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut rest = Bytes(&bytes);
        assert_eq!(read(&mut rest, 3, 13), Ok(vec![3, 3, 3, 3, 3, 0, 1, 2, 3, 4, 5, 6, 7]));
        assert!(rest.0.is_empty());
        assert_eq!(read(&mut Bytes(&[9 << 1]), 0, 4), Ok(vec![0; 4]));
        assert!(read(&mut Bytes(&bytes), 3, 14).is_err());
        assert!(read(&mut Bytes(&[0, 0, 0]), 3, 1).is_err());
        assert!(read(&mut Bytes(&[1]), 3, 1).is_err());
    }
}
