//! Family-wise test: takes per-item differences of all candidates of a search, gives the p-value of "the best of M".
//!
//! Null hypothesis: no candidate differs from the unedited model, so the sign of each group's differences is a coin
//! toss. One toss per group, shared by all candidates, keeps the correlation between them; the maximum over candidates
//! then has its true null distribution (the max-statistic of Westfall & Young 1993, "Resampling-Based Multiple
//! Testing").

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::groups::group_ids;

/// Permutations computed side by side, so that one walk over a candidate's groups serves all of them.
const LANES: usize = 16;

/// Nonzero group sums of one candidate's differences: (group, sum).
///
/// Sums are whole numbers stored as f32, which is exact below 2²⁴ items and fast in SIMD.
type SparseGroupSums = Vec<(u32, f32)>;

/// Result of [`family_wise`](fn@family_wise).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FamilyWiseTest {
    /// Number of candidates.
    pub candidates: usize,
    /// Largest mean difference over the candidates, −1..=1.
    pub observed: f64,
    /// p-value, 0..=1: (1 + permutations whose maximum reaches `observed`) / (1 + permutations).
    pub p: f64,
    /// Mean of the permuted maxima, −1..=1: the gain that the best of M candidates without any effect would show.
    pub null_best: f64,
}

/// Sign-flip permutation test of the largest mean difference over all candidates; `None` without candidates, items or
/// permutations.
///
/// Permutation i multiplies the differences of each group by a random sign s_g ∈ {−1, 1}, the same sign for all
/// candidates, and takes max over candidates of (1/n)·Σ_g s_g·(sum of the group's differences).
///
/// `candidates` yields one `[items]` slice for each candidate: edit − base at each item, −1, 0 or 1
/// ([`differences`](crate::differences)). It is consumed one candidate at a time, and only nonzero group sums stay in
/// memory. `groups` (group id of each item) is `[items]`; all slices have the same order of items. Permutation i draws
/// its signs from random stream i of `seed`, so the same seed gives the same result.
///
/// # Panics
/// If a candidate has another number of items than `groups`, or if there are 2²⁴ items or more.
pub fn family_wise<A: AsRef<[i8]>>(
    candidates: impl IntoIterator<Item = A>,
    groups: &[u32],
    permutations: usize,
    seed: u64,
) -> Option<FamilyWiseTest> {
    assert!(groups.len() < 1 << 24, "sums of {} items are not exact in f32", groups.len());
    let groups = group_ids(groups);
    let group_count = groups.iter().max().map_or(0, |&last| last as usize + 1);
    let candidates: Vec<SparseGroupSums> =
        candidates.into_iter().map(|candidate| sparse_sums(candidate.as_ref(), &groups, group_count)).collect();
    if candidates.is_empty() || groups.is_empty() || permutations == 0 {
        return None;
    }
    let total = |sums: &SparseGroupSums| sums.iter().map(|&(_, sum)| sum).sum::<f32>();
    let observed = candidates.iter().map(total).fold(f32::NEG_INFINITY, f32::max);

    let mut reached = 0_usize;
    let mut sum_of_maxima = 0.0_f64;
    let mut signs = vec![[0_f32; LANES]; group_count]; // [groups, lanes]
    for first in (0..permutations).step_by(LANES) {
        let lanes = LANES.min(permutations - first);
        for lane in 0..lanes {
            flip_signs(&mut signs, lane, seed, (first + lane) as u64);
        }
        let maxima = lane_maxima(&candidates, &signs);
        // Lanes beyond `lanes` still have the signs of the previous round, so their maxima are ignored.
        for &maximum in &maxima[..lanes] {
            reached += usize::from(maximum >= observed);
            sum_of_maxima += f64::from(maximum);
        }
    }
    let n = groups.len() as f64;
    Some(FamilyWiseTest {
        candidates: candidates.len(),
        // The sum of no group sums is −0; adding 0 makes it 0.
        observed: f64::from(observed) / n + 0.0,
        p: (1 + reached) as f64 / (1 + permutations) as f64,
        null_best: sum_of_maxima / permutations as f64 / n,
    })
}

/// Nonzero group sums of one candidate: `differences` and `groups` are `[items]`, groups numbered 0..`group_count`.
fn sparse_sums(differences: &[i8], groups: &[u32], group_count: usize) -> SparseGroupSums {
    assert_eq!(differences.len(), groups.len(), "one difference per item");
    let mut sums = vec![0_f32; group_count];
    for (&difference, &group) in differences.iter().zip(groups) {
        sums[group as usize] += f32::from(difference);
    }
    (0..).zip(sums).filter(|&(_, sum)| sum != 0.0).collect()
}

/// Writes the random signs (−1 or 1) of one permutation into column `lane` of `signs` (`[groups, lanes]`).
fn flip_signs(signs: &mut [[f32; LANES]], lane: usize, seed: u64, permutation: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // A stream of its own, so that the signs do not depend on how permutations are divided into lanes.
    rng.set_stream(permutation);
    for word in signs.chunks_mut(64) {
        let mut bits = rng.next_u64();
        for sign in word {
            sign[lane] = if bits & 1 == 1 { 1.0 } else { -1.0 };
            bits >>= 1;
        }
    }
}

/// Largest signed sum over all candidates, for each lane.
fn lane_maxima(candidates: &[SparseGroupSums], signs: &[[f32; LANES]]) -> [f32; LANES] {
    let mut maxima = [f32::NEG_INFINITY; LANES];
    for candidate in candidates {
        let mut sums = [0_f32; LANES];
        for &(group, value) in candidate {
            for (sum, sign) in sums.iter_mut().zip(&signs[group as usize]) {
                *sum += value * sign;
            }
        }
        for (maximum, sum) in maxima.iter_mut().zip(sums) {
            *maximum = (*maximum).max(sum);
        }
    }
    maxima
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    /// Random differences of `candidates` candidates: each changes a share `rate` of the items, and fixes a changed
    /// item with probability `fix`.
    fn simulate(candidates: usize, items: usize, rate: f64, fix: f64, rng: &mut ChaCha8Rng) -> Vec<Vec<i8>> {
        let mut flip = || match rng.random_bool(rate) {
            true if rng.random_bool(fix) => 1,
            true => -1,
            false => 0,
        };
        (0..candidates).map(|_| (0..items).map(|_| flip()).collect()).collect()
    }

    /// Group ids with one item per group.
    fn alone(items: usize) -> Vec<u32> {
        (0..items as u32).collect()
    }

    /// Reference implementation: dense, one permutation at a time, with the same random streams.
    fn naive(candidates: &[Vec<i8>], groups: &[u32], permutations: usize, seed: u64) -> (f64, f64) {
        let best = |signs: &dyn Fn(u32) -> f64| {
            let mean = |candidate: &Vec<i8>| {
                let signed = candidate.iter().zip(groups).map(|(&d, &g)| f64::from(d) * signs(g));
                signed.sum::<f64>() / groups.len() as f64
            };
            candidates.iter().map(mean).fold(f64::NEG_INFINITY, f64::max)
        };
        let observed = best(&|_| 1.0);
        let (mut reached, mut sum) = (0, 0.0);
        for permutation in 0..permutations {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(permutation as u64);
            let words: Vec<u64> = (0..groups.len().div_ceil(64)).map(|_| rng.next_u64()).collect();
            let maximum = best(&|g| {
                if words[g as usize / 64] >> (g % 64) & 1 == 1 { 1.0 } else { -1.0 }
            });
            reached += usize::from(maximum >= observed - 1e-12);
            sum += maximum;
        }
        ((1 + reached) as f64 / (1 + permutations) as f64, sum / permutations as f64)
    }

    #[test]
    fn equals_the_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for (candidates, items, permutations) in [(1, 5, 40), (7, 150, 33), (20, 64, 16)] {
            let candidates = simulate(candidates, items, 0.3, 0.55, &mut rng);
            let groups: Vec<u32> = (0..items as u32).map(|i| i / 2).collect();
            let got = family_wise(&candidates, &groups, permutations, 9).expect("candidates and items");
            let (p, null_best) = naive(&candidates, &groups, permutations, 9);
            assert_eq!(got.p, p);
            assert!((got.null_best - null_best).abs() < 1e-12);
        }
    }

    #[test]
    fn p_is_uniform_under_the_null_hypothesis() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let ps: Vec<f64> = (0..400)
            .map(|seed| {
                let candidates = simulate(40, 200, 0.1, 0.5, &mut rng);
                family_wise(&candidates, &alone(200), 99, seed).expect("candidates and items").p
            })
            .collect();
        // Sums are whole numbers, so ties are frequent and make p conservative: at most its nominal level plus noise.
        for (level, least) in [(0.05, 0.01), (0.2, 0.1), (0.5, 0.3), (0.8, 0.6)] {
            let share = ps.iter().filter(|&&p| p <= level).count() as f64 / ps.len() as f64;
            let noise = 3.0 * (level * (1.0 - level) / ps.len() as f64).sqrt();
            assert!(share <= level + noise && share >= least, "{share} at or below {level}");
        }
    }

    #[test]
    fn the_best_of_a_thousand_null_edits_gains_ten_points_on_a_hundred_items() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for (items, low, high) in [(100, 0.09, 0.12), (1000, 0.029, 0.037)] {
            let candidates = simulate(1000, items, 0.1, 0.5, &mut rng);
            let got = family_wise(&candidates, &alone(items), 100, 1).expect("candidates and items");
            assert!((low..high).contains(&got.null_best), "{items} items: {}", got.null_best);
            assert!(got.p > 0.01, "{}", got.p);
        }
    }

    #[test]
    fn one_real_effect_among_many_candidates_is_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut candidates = simulate(200, 500, 0.1, 0.5, &mut rng);
        candidates[123] = simulate(1, 500, 0.15, 0.9, &mut rng).remove(0);
        let got = family_wise(&candidates, &alone(500), 499, 2).expect("candidates and items");
        assert_eq!(got.p, 1.0 / 500.0);
        assert!(got.observed > 2.0 * got.null_best);
    }

    #[test]
    fn copies_of_items_do_not_lower_p() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        // Five groups of forty copies: one group fixed in every copy.
        let candidate: Vec<i8> = (0..200).map(|i| i8::from(i < 40)).collect();
        let noise = simulate(3, 200, 0.02, 0.5, &mut rng);
        let candidates: Vec<_> = noise.into_iter().chain([candidate]).collect();
        let together: Vec<u32> = (0..200).map(|i| i / 40).collect();
        let grouped = family_wise(&candidates, &together, 999, 3).expect("candidates and items");
        let naive = family_wise(&candidates, &alone(200), 999, 3).expect("candidates and items");
        assert!(naive.p < 0.01 && grouped.p > 0.3, "{} and {}", naive.p, grouped.p);
    }

    #[test]
    fn nothing_to_test_gives_none() {
        assert_eq!(family_wise(Vec::<Vec<i8>>::new(), &[0], 10, 0), None);
        assert_eq!(family_wise([[0_i8; 0]], &[], 10, 0), None);
        assert_eq!(family_wise([[1_i8]], &[0], 0, 0), None);
    }
}
