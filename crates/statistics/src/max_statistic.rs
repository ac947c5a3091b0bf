//! Family-wise p: takes item × arm differences of a whole search, gives the p of "the best of M".
//!
//! Under the hypothesis that no arm differs from the base, the sign of a group's differences is a
//! coin toss. Tossing one coin per group for all arms at once keeps their correlation, so the
//! maximum over arms gets its true null distribution (Westfall & Young's max-statistic).

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::groups::group_ids;

/// Permutations carried side by side: one sparse walk over an arm serves them all.
const LANES: usize = 16;

/// The groups in which an arm's differences do not cancel, with their sums.
///
/// Sums are whole numbers kept in f32, which is exact below 2²⁴ items and multiplies in any SIMD.
type SparseArm = Vec<(u32, f32)>;

/// What the best of M arms is worth once the search is accounted for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FamilyWise {
    /// Arms searched.
    pub arms: usize,
    /// The largest mean difference over arms, −1..=1.
    pub observed: f64,
    /// (1 + permutations whose maximum reaches the observed one) / (1 + permutations).
    pub p: f64,
    /// Mean of the permuted maxima: the gain that the best of M edits without effect would show.
    pub null_best: f64,
}

/// Max-statistic sign-flip permutation test over arms of per-item differences in {−1, 0, 1}.
///
/// `arms` yields one `[items]` slice per arm and is consumed as it comes; only discordant entries
/// are kept. `groups` is `[items]`; signs flip per group and are shared by all arms. Permutation i
/// draws from stream i of `seed`. `None` without arms, items or permutations.
///
/// # Panics
/// If an arm's length is not that of `groups`, or that is 2²⁴ or more.
pub fn family_wise<A: AsRef<[i8]>>(
    arms: impl IntoIterator<Item = A>,
    groups: &[u32],
    permutations: usize,
    seed: u64,
) -> Option<FamilyWise> {
    assert!(groups.len() < 1 << 24, "sums of {} items are not exact in f32", groups.len());
    let groups = group_ids(groups);
    let group_count = groups.iter().max().map_or(0, |&last| last as usize + 1);
    let arms: Vec<SparseArm> = arms.into_iter().map(|arm| sparse_sums(arm.as_ref(), &groups, group_count)).collect();
    if arms.is_empty() || groups.is_empty() || permutations == 0 {
        return None;
    }
    let total = |arm: &SparseArm| arm.iter().map(|&(_, sum)| sum).sum::<f32>();
    let observed = arms.iter().map(total).fold(f32::NEG_INFINITY, f32::max);

    let mut reached = 0_usize;
    let mut sum_of_maxima = 0.0_f64;
    let mut signs = vec![[0_f32; LANES]; group_count];
    for first in (0..permutations).step_by(LANES) {
        let lanes = LANES.min(permutations - first);
        for lane in 0..lanes {
            flip_signs(&mut signs, lane, seed, (first + lane) as u64);
        }
        let maxima = lane_maxima(&arms, &signs);
        for &maximum in &maxima[..lanes] {
            reached += usize::from(maximum >= observed);
            sum_of_maxima += f64::from(maximum);
        }
    }
    let n = groups.len() as f64;
    Some(FamilyWise {
        arms: arms.len(),
        // The sum over no discordant entries is −0; adding 0 makes it plain.
        observed: f64::from(observed) / n + 0.0,
        p: (1 + reached) as f64 / (1 + permutations) as f64,
        null_best: sum_of_maxima / permutations as f64 / n,
    })
}

/// Sums one arm's differences within groups and keeps what is not zero.
fn sparse_sums(arm: &[i8], groups: &[u32], group_count: usize) -> SparseArm {
    assert_eq!(arm.len(), groups.len(), "one difference per item");
    let mut sums = vec![0_f32; group_count];
    for (&difference, &group) in arm.iter().zip(groups) {
        sums[group as usize] += f32::from(difference);
    }
    (0..).zip(sums).filter(|&(_, sum)| sum != 0.0).collect()
}

/// Fills one lane with ±1 per group from the permutation's own random stream.
fn flip_signs(signs: &mut [[f32; LANES]], lane: usize, seed: u64, permutation: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(permutation);
    for word in signs.chunks_mut(64) {
        let mut bits = rng.next_u64();
        for sign in word {
            sign[lane] = if bits & 1 == 1 { 1.0 } else { -1.0 };
            bits >>= 1;
        }
    }
}

/// The largest signed sum over arms, for every lane.
fn lane_maxima(arms: &[SparseArm], signs: &[[f32; LANES]]) -> [f32; LANES] {
    let mut maxima = [f32::NEG_INFINITY; LANES];
    for arm in arms {
        let mut sums = [0_f32; LANES];
        for &(group, value) in arm {
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

    /// Arms that flip `rate` of the items, each flip a fix with probability `fix`.
    fn simulate(arms: usize, items: usize, rate: f64, fix: f64, rng: &mut ChaCha8Rng) -> Vec<Vec<i8>> {
        let mut flip = || match rng.random_bool(rate) {
            true if rng.random_bool(fix) => 1,
            true => -1,
            false => 0,
        };
        (0..arms).map(|_| (0..items).map(|_| flip()).collect()).collect()
    }

    fn alone(items: usize) -> Vec<u32> {
        (0..items as u32).collect()
    }

    /// The definition: dense, one permutation at a time, the same random streams.
    fn naive(arms: &[Vec<i8>], groups: &[u32], permutations: usize, seed: u64) -> (f64, f64) {
        let best = |signs: &dyn Fn(u32) -> f64| {
            let mean = |arm: &Vec<i8>| {
                let signed = arm.iter().zip(groups).map(|(&d, &g)| f64::from(d) * signs(g));
                signed.sum::<f64>() / groups.len() as f64
            };
            arms.iter().map(mean).fold(f64::NEG_INFINITY, f64::max)
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
        for (arms, items, permutations) in [(1, 5, 40), (7, 150, 33), (20, 64, 16)] {
            let arms = simulate(arms, items, 0.3, 0.55, &mut rng);
            let groups: Vec<u32> = (0..items as u32).map(|i| i / 2).collect();
            let got = family_wise(&arms, &groups, permutations, 9).expect("arms and items");
            let (p, null_best) = naive(&arms, &groups, permutations, 9);
            assert_eq!(got.p, p);
            assert!((got.null_best - null_best).abs() < 1e-12);
        }
    }

    #[test]
    fn p_is_uniform_when_nothing_has_an_effect() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let ps: Vec<f64> = (0..400)
            .map(|seed| {
                let arms = simulate(40, 200, 0.1, 0.5, &mut rng);
                family_wise(&arms, &alone(200), 99, seed).expect("arms and items").p
            })
            .collect();
        // Ties (whole numbers of items) make p conservative: at most its nominal level plus noise.
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
            let arms = simulate(1000, items, 0.1, 0.5, &mut rng);
            let got = family_wise(&arms, &alone(items), 100, 1).expect("arms and items");
            assert!((low..high).contains(&got.null_best), "{items} items: {}", got.null_best);
            assert!(got.p > 0.01, "{}", got.p);
        }
    }

    #[test]
    fn one_real_effect_among_many_arms_is_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut arms = simulate(200, 500, 0.1, 0.5, &mut rng);
        arms[123] = simulate(1, 500, 0.15, 0.9, &mut rng).remove(0);
        let got = family_wise(&arms, &alone(500), 499, 2).expect("arms and items");
        assert_eq!(got.p, 1.0 / 500.0);
        assert!(got.observed > 2.0 * got.null_best);
    }

    #[test]
    fn copies_of_items_are_no_evidence() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        // Five groups of forty copies: one group fixed in every copy.
        let arm: Vec<i8> = (0..200).map(|i| i8::from(i < 40)).collect();
        let noise = simulate(3, 200, 0.02, 0.5, &mut rng);
        let arms: Vec<_> = noise.into_iter().chain([arm]).collect();
        let together: Vec<u32> = (0..200).map(|i| i / 40).collect();
        let grouped = family_wise(&arms, &together, 999, 3).expect("arms and items");
        let naive = family_wise(&arms, &alone(200), 999, 3).expect("arms and items");
        assert!(naive.p < 0.01 && grouped.p > 0.3, "{} and {}", naive.p, grouped.p);
    }

    #[test]
    fn nothing_to_test_is_none() {
        assert_eq!(family_wise(Vec::<Vec<i8>>::new(), &[0], 10, 0), None);
        assert_eq!(family_wise([[0_i8; 0]], &[], 10, 0), None);
        assert_eq!(family_wise([[1_i8]], &[0], 0, 0), None);
    }
}
