//! Held-out proof: takes outcomes of base and winner on the test split, gives the paired comparison.

use serde::{Deserialize, Serialize};

use crate::statistics::{
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
