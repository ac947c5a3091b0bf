//! Counts: takes a number of facts, gives how often each is mentioned.

/// Counts of `n` facts by rank, most frequent first, `[n]`: proportional to 1/rank (Zipf's law with exponent 1), at least
/// `min` each, and exactly `total` together.
///
/// The real-valued counts are max(`min`, c/rank), with the c that makes their sum `total`. They are rounded down, and what
/// is missing goes to those with the largest remainders, of equal ones to the more frequent.
///
/// # Panics
/// If `n` is 0, or `total` is less than `n · min`.
pub fn zipf_counts(n: usize, total: u64, min: u64) -> Vec<u64> {
    assert!(n > 0 && n as u64 * min <= total, "{total} mentions of {n} facts, each at least {min} times");
    let real = |c: f64| (1..=n).map(move |rank| (c / rank as f64).max(min as f64));
    // The sum grows with c, and c = total alone reaches it at the first rank.
    let (mut low, mut high) = (0.0, total as f64);
    // Each step halves the interval: after 100, it is as narrow as an f64 can be.
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if real(middle).sum::<f64>() < total as f64 { low = middle } else { high = middle }
    }
    // The lower end: its sum is at most the total, so that no count has to be taken away again.
    let real: Vec<f64> = real(low).collect();
    let mut counts: Vec<u64> = real.iter().map(|x| *x as u64).collect();
    let missing = total - counts.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| real[*b].fract().total_cmp(&real[*a].fract()).then(a.cmp(b)));
    // `cycle`: if all facts have the minimum and c is 0, rounding can leave more than one unit for each.
    for rank in order.into_iter().cycle().take(missing as usize) {
        counts[rank] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_counts_never_rise_with_the_rank() {
        for (n, total, min) in [(800, 9_000, 2), (400, 20_000, 8), (1, 7, 1), (5, 10, 2), (3, 1_000_003, 0), (7, 8, 1)]
        {
            let counts = zipf_counts(n, total, min);
            assert_eq!(counts.len(), n);
            assert_eq!(counts.iter().sum::<u64>(), total, "{n} facts");
            assert!(counts.iter().all(|count| *count >= min), "{counts:?}");
            assert!(counts.windows(2).all(|pair| pair[0] >= pair[1]), "{counts:?}");
        }
    }

    #[test]
    fn counts_above_the_minimum_follow_one_over_rank() {
        let counts = zipf_counts(800, 9_000, 2);
        let c = counts[0] as f64;
        for (rank, count) in (1..).zip(&counts).filter(|(_, count)| **count > 2) {
            let ideal = c / f64::from(rank);
            assert!((*count as f64 - ideal).abs() <= 1.0 + ideal / c, "rank {rank}: {count}, not {ideal}");
        }
        // Most facts are rare, as in real text.
        assert!(counts.iter().filter(|count| **count <= 3).count() > 400);
    }

    #[test]
    #[should_panic(expected = "each at least 3 times")]
    fn too_few_mentions_are_a_bug_of_the_caller() {
        zipf_counts(4, 11, 3);
    }
}
