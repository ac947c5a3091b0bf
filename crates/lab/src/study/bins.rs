//! Bins of frequency: facts by how often the corpus mentions them.

/// Smallest counts of the bins.
const LOWER: [usize; 4] = [1, 4, 10, 50];

/// Number of bins.
pub const N_BINS: usize = LOWER.len();

/// The bin of a fact with `count` mentions, 0 for the rarest.
pub fn bin_of(count: usize) -> usize {
    LOWER.partition_point(|lower| *lower <= count).saturating_sub(1)
}

/// The counts of a bin in words: `4 to 9`.
pub fn bin_name(bin: usize) -> String {
    match LOWER.get(bin + 1) {
        Some(next) => format!("{} to {}", LOWER[bin], next - 1),
        None => format!("{} or more", LOWER[bin]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_cover_all_counts() {
        let bins = [0, 1, 3, 4, 9, 10, 49, 50, 7_000].map(bin_of);
        assert_eq!(bins, [0, 0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!((0..N_BINS).map(bin_name).collect::<Vec<_>>(), ["1 to 3", "4 to 9", "10 to 49", "50 or more"]);
    }
}
