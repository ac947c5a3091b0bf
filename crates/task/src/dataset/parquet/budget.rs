//! Memory budget of one file: bounds the decoded size, because a few malicious bytes could stand for any amount.

/// Maximum number of decoded bytes per byte of the file. Text compresses about tenfold; a dictionary value that is
/// used many times gives more, so the bound is generous.
const LARGEST_GAIN: u64 = 256;
/// Bytes charged for each value besides its text: the size of a JSON value in memory.
const VALUE: u64 = 32;
/// Largest decoded page where pages are read one at a time, bytes; writers aim at 1 MiB.
const LARGEST_PAGE: u64 = 256 << 20;

/// Number of bytes that may still be decoded.
pub(super) struct Budget {
    left: u64,
    /// Words for the bound.
    bound: String,
}

impl Budget {
    /// The budget of a file of this size.
    pub(super) fn of(bytes: u64) -> Self {
        let bound = format!("{LARGEST_GAIN} times the size of the file");
        Self { left: LARGEST_GAIN.saturating_mul(bytes), bound }
    }

    /// Does the work of one page with a part of the budget, and charges what it took.
    ///
    /// # Errors
    /// Those of `work`.
    pub(super) fn for_page<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.left <= LARGEST_PAGE {
            return work(self);
        }
        let mut page = Self { left: LARGEST_PAGE, bound: format!("{} MiB in a page", LARGEST_PAGE >> 20) };
        let done = work(&mut page);
        self.left -= LARGEST_PAGE - page.left;
        done
    }

    /// Charges `bytes`; called before they are allocated.
    ///
    /// # Errors
    /// The budget is used up.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.ok_or_else(|| format!("decodes to more than {}", self.bound))?;
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
