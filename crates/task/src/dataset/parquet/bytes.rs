//! A place in a byte slice: takes bytes from its front, and says so where they end too early.

/// The bytes not yet read.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (front, rest) = self
            .0
            .split_at_checked(n)
            .ok_or_else(|| format!("expected {n} bytes more, found the end after {}", self.0.len()))?;
        self.0 = rest;
        Ok(front)
    }

    /// The next bytes as an array.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.take(N)?.try_into().expect("as long as asked because `take` gave it"))
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    /// A length in four bytes, and as many bytes.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], String> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(length as usize)
    }

    /// A number in groups of seven bits, the lowest first.
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
