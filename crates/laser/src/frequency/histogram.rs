//! Histogram of counts, in steps of half a power of ten (figure 3a).

use serde::{Deserialize, Serialize};

use super::joined::JoinedItem;

/// Items whose counts are in one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistogramBar {
    /// Smallest count of the range.
    pub from: u64,
    /// Largest count of the range.
    pub to: u64,
    /// Items that both models get right.
    pub both_right: usize,
    /// Items that only the edited model gets right.
    pub fixed: usize,
    /// Items that only the unedited model gets right.
    pub broken: usize,
    /// Items that both get wrong.
    pub both_wrong: usize,
}

impl HistogramBar {
    /// Number of items.
    pub fn items(&self) -> usize {
        self.both_right + self.fixed + self.broken + self.both_wrong
    }
}

/// Ranges of counts up to `largest`, both ends included: 0, 1–3, 4–10, 11–31, 32–100, …; each ends at ⌊10^(k/2)⌋.
pub(super) fn ranges(largest: u64) -> Vec<[u64; 2]> {
    /// The power of ten beyond which its root exceeds 64 bits.
    const LAST: u32 = 38;
    let mut ranges = vec![[0, 0]];
    let ends = (1..=LAST).map(|k| u64::try_from(10_u128.pow(k).isqrt()).unwrap_or(u64::MAX));
    for end in ends.chain([u64::MAX]) {
        let last = ranges[ranges.len() - 1][1];
        if last >= largest {
            break;
        }
        ranges.push([last + 1, end]);
    }
    ranges
}

/// The histogram of items.
pub(super) fn histogram(items: &[JoinedItem]) -> Vec<HistogramBar> {
    let largest = items.iter().map(|item| item.count).max().unwrap_or(0);
    let bar = |[from, to]: [u64; 2]| {
        let mut bar = HistogramBar { from, to, both_right: 0, fixed: 0, broken: 0, both_wrong: 0 };
        for item in items.iter().filter(|item| (from..=to).contains(&item.count)) {
            let of_outcome = match (item.base.right, item.edited.right) {
                (true, true) => &mut bar.both_right,
                (false, true) => &mut bar.fixed,
                (true, false) => &mut bar.broken,
                (false, false) => &mut bar.both_wrong,
            };
            *of_outcome += 1;
        }
        bar
    };
    ranges(largest).into_iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_one_another_up_to_the_largest_count() {
        assert_eq!(ranges(0), [[0, 0]]);
        assert_eq!(ranges(11), [[0, 0], [1, 3], [4, 10], [11, 31]]);
        assert_eq!(ranges(1000).last(), Some(&[317, 1000]));
        let all = ranges(u64::MAX);
        assert_eq!(all.last().map(|range| range[1]), Some(u64::MAX));
        assert!(all.windows(2).all(|pair| pair[0][1] + 1 == pair[1][0] && pair[1][0] <= pair[1][1]), "{all:?}");
    }
}
