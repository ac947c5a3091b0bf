//! The cheapest assignment of boxes to goals, by the Hungarian method in O(n³).
//!
//! Source: Kuhn 1955; the form with potentials and one shortest path a row.

/// Cost that stands for "impossible".
pub(crate) const IMPOSSIBLE: u32 = 1 << 20;

/// Least sum of `costs[row][column]` over all assignments of rows to columns; `None` if each of them has an impossible
/// cost. `costs` is `[n · n]`, row-major.
pub(crate) fn cheapest(costs: &[u32], n: usize) -> Option<u32> {
    debug_assert_eq!(costs.len(), n * n);
    const LIMIT: usize = crate::floor::MAX_BOXES + 1;
    // Row and column 0 stand for "none yet".
    let (mut of_row, mut of_column) = ([0_i64; LIMIT], [0_i64; LIMIT]);
    let mut row_of = [0_usize; LIMIT];
    for row in 1..=n {
        row_of[0] = row;
        let (mut least, mut from, mut used) = ([i64::MAX; LIMIT], [0_usize; LIMIT], [false; LIMIT]);
        let mut column = 0;
        loop {
            used[column] = true;
            let (current, mut step, mut next) = (row_of[column], i64::MAX, 0);
            for j in 1..=n {
                if used[j] {
                    continue;
                }
                let reduced = i64::from(costs[(current - 1) * n + j - 1]) - of_row[current] - of_column[j];
                if reduced < least[j] {
                    (least[j], from[j]) = (reduced, column);
                }
                if least[j] < step {
                    (step, next) = (least[j], j);
                }
            }
            for j in 0..=n {
                if used[j] {
                    of_row[row_of[j]] += step;
                    of_column[j] -= step;
                } else {
                    least[j] = least[j].saturating_sub(step);
                }
            }
            column = next;
            if row_of[column] == 0 {
                break;
            }
        }
        while column != 0 {
            row_of[column] = row_of[from[column]];
            column = from[column];
        }
    }
    let total: u32 = (1..=n).map(|j| costs[(row_of[j] - 1) * n + j - 1]).sum();
    (total < IMPOSSIBLE).then_some(total)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// All permutations, one after the other.
    fn by_trial(costs: &[u32], n: usize, row: usize, taken: u32) -> u32 {
        if row == n {
            return 0;
        }
        let free = (0..n).filter(|j| taken >> j & 1 == 0);
        free.map(|j| costs[row * n + j] + by_trial(costs, n, row + 1, taken | 1 << j)).min().expect("a column is free")
    }

    #[test]
    fn it_is_as_cheap_as_the_best_permutation() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for n in 1..=6 {
            for _ in 0..200 {
                let cost =
                    |rng: &mut ChaCha8Rng| if rng.random_bool(0.3) { IMPOSSIBLE } else { rng.random_range(0..20) };
                let costs: Vec<u32> = (0..n * n).map(|_| cost(&mut rng)).collect();
                let best = by_trial(&costs, n, 0, 0);
                assert_eq!(cheapest(&costs, n), (best < IMPOSSIBLE).then_some(best), "{costs:?}");
            }
        }
    }
}
