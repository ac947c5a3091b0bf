//! Held-out proof: takes the answers of the unedited model and of the winner on the test split, gives their paired
//! comparison (`docs/method.md`, "Proof").

use serde::{Deserialize, Serialize};

use laser_statistics::{
    PairedOutcomes, bootstrap_ci95, differences, effective_items, group_sums, minimal_detectable_difference,
};

/// Comparison of the winner with the unedited model ("base") on the test split, which is used for nothing else.
///
/// Differences are fractions of items; above 0 the winner is better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Number of items.
    pub n: usize,
    /// Number of groups of items.
    pub groups: usize,
    /// Accuracy of the winner minus accuracy of the base.
    pub diff: f64,
    /// 95 % interval of `diff`, `[low, high]`, from a bootstrap that resamples groups; `None` with fewer than two
    /// groups.
    pub ci95: Option<[f64; 2]>,
    /// McNemar's exact two-sided p-value.
    pub mcnemar_p: f64,
    /// Family-wise p-value of the gain on the search split: the probability that the best of all trials would gain as
    /// much if no edit had any effect.
    pub familywise_p: f64,
    /// Gain on the search split minus gain on the test split.
    pub shrinkage: f64,
    /// Number of items that the base answers wrong and the winner right.
    pub fixed: usize,
    /// Number of items that the base answers right and the winner wrong.
    pub broken: usize,
    /// The smallest difference that McNemar's test would show with 80 % power, given the number of items and how often
    /// the two models disagree; `None` if it could show none.
    pub minimal_detectable: Option<f64>,
}

impl HeldOut {
    /// Compares the answers on the test split.
    ///
    /// `base` and `best` say which answers are right, `groups` gives the group of each item; all are `[items]`.
    /// `search_gain` (a fraction) and `familywise_p` come from the search split. The bootstrap draws `resamples` times,
    /// with random numbers from `seed`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn measure(
        base: &[bool],
        best: &[bool],
        groups: &[u32],
        search_gain: f64,
        familywise_p: f64,
        resamples: usize,
        seed: u64,
    ) -> Self {
        let paired = PairedOutcomes::new(base, best);
        let differences: Vec<f64> = differences(base, best).into_iter().map(f64::from).collect();
        // Related items carry less evidence than independent ones, so that power depends on their effective number.
        let effective = effective_items(&differences, groups);
        Self {
            n: paired.n,
            groups: group_sums(&differences, groups).len(),
            diff: paired.diff,
            ci95: bootstrap_ci95(&differences, groups, resamples, seed),
            mcnemar_p: paired.mcnemar_p(),
            familywise_p,
            shrinkage: search_gain - paired.diff,
            fixed: paired.edit_right_only,
            broken: paired.base_right_only,
            minimal_detectable: minimal_detectable_difference(effective, paired.discordance()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use laser_statistics::family_wise;

    /// The search gain of the best of many edits without effect is pure chance and is gone on the test split. The mean
    /// shrinkage must therefore equal the gain that the family-wise test expects of the best of so many.
    #[test]
    fn mean_shrinkage_of_edits_without_effect_is_the_expected_best_gain() {
        let mut rng = ChaCha8Rng::seed_from_u64(21);
        let (edit_count, n, runs) = (60, 200, 80);
        let groups: Vec<u32> = (0..n as u32).collect();
        let (mut shrinkage, mut expected) = (0.0, 0.0);
        for run in 0..runs {
            // Half of the items are right; an edit flips each item with probability 0.1.
            let base: Vec<bool> = (0..2 * n).map(|i| i % 2 == 0).collect();
            let edits: Vec<Vec<bool>> =
                (0..edit_count).map(|_| base.iter().map(|b| *b != rng.random_bool(0.1)).collect()).collect();
            let search: Vec<Vec<i8>> = edits.iter().map(|edit| differences(&base[..n], &edit[..n])).collect();
            let gain = |d: &Vec<i8>| d.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
            let best = (0..edit_count).max_by(|a, b| gain(&search[*a]).total_cmp(&gain(&search[*b]))).expect("edits");
            let null = family_wise(&search, &groups, 50, run).expect("edits and items");
            let held_out =
                HeldOut::measure(&base[n..], &edits[best][n..], &groups, gain(&search[best]), null.p, 10, run);
            shrinkage += held_out.shrinkage / runs as f64;
            expected += null.null_best / runs as f64;
        }
        // The standard error of the mean shrinkage is about √(0.1/200/80) = 0.0025; the bound is four times that.
        assert!(expected > 0.03 && (shrinkage - expected).abs() < 0.01, "{shrinkage} {expected}");
    }
}
