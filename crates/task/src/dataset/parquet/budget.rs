//! Memory budget of one file: bounds the decoded size, because a few malicious bytes could stand for any amount.

/// Maximum number of decoded bytes per byte of the file. Text compresses about tenfold; a dictionary value that is
/// used many times gives more, so the bound is generous.
const LARGEST_GAIN: u64 = 256;
/// Bytes charged for each value besides its text: the size of a JSON value in memory.
const VALUE: u64 = 32;

/// Number of bytes that may still be decoded.
pub(super) struct Budget {
    left: u64,
}

impl Budget {
    /// The budget of a file of this size.
    pub(super) fn of(bytes: usize) -> Self {
        Self { left: LARGEST_GAIN.saturating_mul(bytes as u64) }
    }

    /// Charges `bytes`; called before they are allocated.
    ///
    /// # Errors
    /// The budget is used up.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or_else(|| format!("decodes to more than {LARGEST_GAIN} times the size of the file"))?;
        Ok(())
    }

    /// Charges `n` values, without their texts.
    ///
    /// # Errors
    /// The budget is used up.
    pub(super) fn spend_values(&mut self, n: usize) -> Result<(), String> {
        self.spend(n.saturating_mul(VALUE as usize))
    }
}
