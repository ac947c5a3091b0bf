//! Permutation test: takes two values of each item and groups of items, gives the p-value of their association.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::groups::group_ids;

/// Two-sided p-value, 0..=1, of the association of `a` and `b`; `None` without permutations, if one side does not vary,
/// or if no two groups have the same number of items, so that nothing can be exchanged.
///
/// The statistic is |Σ (aᵢ − ā)·(bᵢ − b̄)|. A permutation exchanges the values `b` of whole groups among the groups with
/// the same number of items; p is (1 + permutations whose statistic reaches the observed one) / (1 + permutations). With
/// ranks for values this tests Spearman's correlation; with outcomes 0 and 1 for `a` it tests the slope of a logistic
/// regression on `b` by its score statistic, which spares a fit for each permutation.
///
/// `a`, `b` and `groups` (group id of each item) are `[items]`, in the same order of items. The same `seed` gives the same
/// p-value.
///
/// Source: Good 2005, "Permutation, Parametric, and Bootstrap Tests of Hypotheses"; exchange of whole blocks as in Winkler
/// et al. 2015, "Multi-level block permutation".
///
/// # Panics
/// If the slices differ in length.
pub fn permutation_p(a: &[f64], b: &[f64], groups: &[u32], permutations: usize, seed: u64) -> Option<f64> {
    assert!(a.len() == b.len() && b.len() == groups.len(), "two values and a group for each item");
    let varies = |values: &[f64]| values.iter().any(|value| *value != values[0]);
    let mut classes = Class::of(&centred(a), &centred(b), groups);
    let can_exchange = classes.iter().any(|class| class.order.len() > 1);
    if permutations == 0 || !varies(a) || !varies(b) || !can_exchange {
        return None;
    }
    let statistic = |classes: &[Class]| classes.iter().map(Class::product).sum::<f64>().abs();
    // Sums of the same numbers in another order differ by rounding, and must count as equal.
    let observed = statistic(&classes) * (1.0 - 1e-10);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let reached = (0..permutations)
        .filter(|_| {
            classes.iter_mut().for_each(|class| class.shuffle(&mut rng));
            statistic(&classes) >= observed
        })
        .count();
    Some((1 + reached) as f64 / (1 + permutations) as f64)
}

/// The values minus their mean.
fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|value| value - mean).collect()
}

/// Groups with the same number of items.
struct Class {
    /// Items of a group.
    size: usize,
    /// Values of the items, group after group: `[groups · size]`.
    a: Vec<f64>,
    b: Vec<f64>,
    /// The group whose values `b` each group has now.
    order: Vec<usize>,
}

impl Class {
    /// The classes by size, their groups in the order of their first items.
    fn of(a: &[f64], b: &[f64], groups: &[u32]) -> Vec<Self> {
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (item, group) in group_ids(groups).into_iter().enumerate() {
            if group as usize == members.len() {
                members.push(Vec::new());
            }
            members[group as usize].push(item);
        }
        let mut classes: BTreeMap<usize, Self> = BTreeMap::new();
        for items in members {
            let size = items.len();
            let new = || Self { size, a: Vec::new(), b: Vec::new(), order: Vec::new() };
            let class = classes.entry(size).or_insert_with(new);
            class.a.extend(items.iter().map(|item| a[*item]));
            class.b.extend(items.iter().map(|item| b[*item]));
            class.order.push(class.order.len());
        }
        classes.into_values().collect()
    }

    /// Shuffles the groups (Fisher–Yates).
    fn shuffle(&mut self, rng: &mut ChaCha8Rng) {
        for last in (1..self.order.len()).rev() {
            self.order.swap(last, rng.random_range(0..=last));
        }
    }

    /// Σ aᵢ·bᵢ with the values `b` where they are now.
    fn product(&self) -> f64 {
        let groups = self.a.chunks_exact(self.size).zip(&self.order);
        let of_group = |(a, from): (&[f64], &usize)| {
            let b = &self.b[from * self.size..][..self.size];
            a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()
        };
        groups.map(of_group).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All orders of `0..n`.
    fn orders(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![Vec::new()];
        }
        let insert = |order: Vec<usize>| {
            (0..n).map(move |at| {
                let mut longer = order.clone();
                longer.insert(at, n - 1);
                longer
            })
        };
        orders(n - 1).into_iter().flat_map(insert).collect()
    }

    /// The share of all exchanges of blocks of `size` neighbouring items that reach the observed covariance.
    fn exact_p(a: &[f64], b: &[f64], size: usize) -> f64 {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let covariance = |b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - mean(a)) * (y - mean(b))).sum::<f64>().abs();
        let orders = orders(a.len() / size);
        let exchanged =
            |order: &Vec<usize>| order.iter().flat_map(|block| b[block * size..][..size].to_vec()).collect::<Vec<_>>();
        let reached = orders.iter().filter(|order| covariance(&exchanged(order)) >= covariance(b) - 1e-12).count();
        reached as f64 / orders.len() as f64
    }

    #[test]
    fn the_share_is_that_of_all_exchanges() {
        let a = [0.3, -1.0, 2.5, 0.0, 1.5, -0.5, 3.0, 1.0];
        let b = [1.0, 0.0, 4.0, 1.0, 1.0, 2.0, 5.0, 3.0];
        for size in [1, 2] {
            let groups: Vec<u32> = (0..8).map(|i| 40 - i / size as u32).collect();
            let exact = exact_p(&a, &b, size);
            let got = permutation_p(&a, &b, &groups, 40_000, 3).expect("both vary");
            let stderr = (exact * (1.0 - exact) / 40_000.0).sqrt();
            assert!((got - exact).abs() < 4.0 * stderr + 1e-4, "{size}: {got}, exactly {exact}");
            assert!(exact > 0.001 && exact < 0.2, "a p-value that tells something: {exact}");
        }
    }

    #[test]
    fn p_is_the_one_of_scipy_for_many_items() {
        // scipy 1.17.1: scipy.stats.pearsonr(a, b), r = 0.1167
        let (a, b): (Vec<f64>, Vec<f64>) =
            (0..120_u32).map(|i| (f64::from(i * 37 % 101), f64::from((i * i * 13 + i) % 89 + 120 - i))).unzip();
        let groups: Vec<u32> = (0..120).collect();
        let got = permutation_p(&a, &b, &groups, 20_000, 1).expect("both vary");
        assert!((got - 0.204_240_920_301_743_43).abs() < 0.012, "{got}");
    }

    #[test]
    fn p_is_uniform_without_an_association_and_groups_count_as_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let groups: Vec<u32> = (0..120).map(|i| i / 3).collect();
        let alone: Vec<u32> = (0..120).collect();
        let mut below = [0; 2];
        for trial in 0..300 {
            // Copies of 40 independent pairs.
            let mut draw = || (0..40).flat_map(|_| [rng.random_range(0.0..1.0); 3]).collect::<Vec<f64>>();
            let (a, b) = (draw(), draw());
            for (n, groups) in [&groups, &alone].into_iter().enumerate() {
                let p = permutation_p(&a, &b, groups, 199, trial).expect("both vary");
                below[n] += usize::from(p <= 0.1);
            }
        }
        assert!((15..=48).contains(&below[0]), "30 of 300 are expected, found {}", below[0]);
        assert!(below[1] > 70, "copies taken for evidence are false alarms: {}", below[1]);
    }

    #[test]
    fn the_seed_decides_and_what_cannot_be_tested_gives_none() {
        let (a, b, alone) = ([1.0, 2.0, 4.0, 3.0], [0.0, 1.0, 0.5, 2.0], [0, 1, 2, 3]);
        let p = |seed| permutation_p(&a, &b, &alone, 101, seed);
        assert_eq!(p(1), p(1));
        assert_eq!(permutation_p(&a, &b, &alone, 0, 1), None);
        assert_eq!(permutation_p(&a, &[2.0; 4], &alone, 99, 1), None);
        assert_eq!(permutation_p(&[2.0; 4], &b, &alone, 99, 1), None);
        assert_eq!(permutation_p(&a, &b, &[0, 1, 1, 1], 99, 1), None);
        assert_eq!(permutation_p(&[], &[], &[], 99, 1), None);
    }
}
