//! Reader of a byte slice: takes numbers and bytes from its front; the end of the slice is an error, never a panic.

/// Bytes that are not read yet.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    /// Takes the next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (front, rest) = self
            .0
            .split_at_checked(n)
            .ok_or_else(|| format!("expected {n} bytes more, found the end after {}", self.0.len()))?;
        self.0 = rest;
        Ok(front)
    }

    /// Takes the next `N` bytes as an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.take(N)?.try_into().expect("the slice has `N` bytes, because `take` returned it"))
    }

    /// Takes the next byte.
    pub(super) fn byte(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    /// Takes a length, a little-endian `u32`, and as many bytes.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], String> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(length as usize)
    }

    /// Takes an unsigned LEB128 number: groups of seven bits, the lowest first, the eighth bit set if more follow.
    pub(super) fn varint(&mut self) -> Result<u64, String> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("expected a number of at most 64 bits, found a longer one".to_owned())
    }
}
