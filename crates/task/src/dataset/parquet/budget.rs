//! A bound on what a file may become: hostile bytes could otherwise stand for any amount of memory.

/// Decoded bytes a byte of the file may stand for. Text compresses tenfold, and a dictionary may repeat a passage.
const LARGEST_GAIN: u64 = 256;
/// What a value takes besides its text.
const VALUE: u64 = 32;

/// What may still be decoded.
pub(super) struct Budget {
    left: u64,
}

impl Budget {
    /// For a file of so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Self { left: LARGEST_GAIN.saturating_mul(bytes as u64) }
    }

    /// Takes so many bytes out, before they are allocated.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or_else(|| format!("decodes to more than {LARGEST_GAIN} times the size of the file"))?;
        Ok(())
    }

    /// Takes so many values out.
    pub(super) fn values(&mut self, n: usize) -> Result<(), String> {
        self.spend(n.saturating_mul(VALUE as usize))
    }
}
