//! Held-out proof: takes outcomes of base and winner on the test split, gives the paired comparison.

use serde::{Deserialize, Serialize};

use laser_statistics::{
    Paired, bootstrap_ci95, differences, effective_items, group_sums, minimal_detectable_difference,
};

/// Base against winner on the test split, which is opened for nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Items.
    pub n: usize,
    /// Groups of items.
    pub groups: usize,
    /// Accuracy of the winner minus accuracy of the base.
    pub diff: f64,
    /// Bootstrap 95 % interval [low, high] of `diff`, groups resampled; absent with one group.
    pub ci95: Option<[f64; 2]>,
    /// McNemar's exact two-sided p.
    pub mcnemar_p: f64,
    /// p of the winner's gain on the search split as the best of all trials.
    pub familywise_p: f64,
    /// Gain on the search split minus gain on the test split.
    pub shrinkage: f64,
    /// Items the base answers wrong and the winner right.
    pub fixed: usize,
    /// Items the base answers right and the winner wrong.
    pub broken: usize,
    /// The smallest difference that this many items, flipping this often, show with 80 % power;
    /// absent when they can show none.
    pub minimal_detectable: Option<f64>,
}

impl HeldOut {
    /// Compares outcomes on the test split, all `[items]`; `search_gain` and `familywise_p` come
    /// from the search split, `resamples` and `seed` go to the bootstrap.
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
        let paired = Paired::new(base, best);
        let differences: Vec<f64> = differences(base, best).into_iter().map(f64::from).collect();
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

    /// Of edits without effect the best one's search gain is all luck: on the test split nothing of it is left, so that
    /// the shrinkage is on average what the null says of the best of so many.
    #[test]
    fn the_gain_of_null_edits_shrinks_by_what_the_null_expects() {
        let mut rng = ChaCha8Rng::seed_from_u64(21);
        let (arms, n, runs) = (60, 200, 80);
        let groups: Vec<u32> = (0..n as u32).collect();
        let (mut shrinkage, mut expected) = (0.0, 0.0);
        for run in 0..runs {
            // Half of the items are right; an edit flips one of ten, either way.
            let base: Vec<bool> = (0..2 * n).map(|i| i % 2 == 0).collect();
            let edits: Vec<Vec<bool>> =
                (0..arms).map(|_| base.iter().map(|b| *b != rng.random_bool(0.1)).collect()).collect();
            let search: Vec<Vec<i8>> = edits.iter().map(|edit| differences(&base[..n], &edit[..n])).collect();
            let gain = |d: &Vec<i8>| d.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
            let best = (0..arms).max_by(|a, b| gain(&search[*a]).total_cmp(&gain(&search[*b]))).expect("arms");
            let null = family_wise(&search, &groups, 50, run).expect("arms and items");
            let held_out =
                HeldOut::measure(&base[n..], &edits[best][n..], &groups, gain(&search[best]), null.p, 10, run);
            shrinkage += held_out.shrinkage / runs as f64;
            expected += null.null_best / runs as f64;
        }
        // The standard error of the mean shrinkage is about √(.1/200/80) = .0025.
        assert!(expected > 0.03 && (shrinkage - expected).abs() < 0.01, "{shrinkage} {expected}");
    }
}
