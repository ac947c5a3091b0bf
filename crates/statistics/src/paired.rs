//! Paired outcomes: takes right/wrong of the unedited and the edited model on the same items, gives counts, differences
//! and McNemar's p-value.

/// Number of items on which two models agree and differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedOutcomes {
    /// Number of items.
    pub n: usize,
    /// Number of items that only the unedited model answers correctly: the edit broke them.
    pub base_right_only: usize,
    /// Number of items that only the edited model answers correctly: the edit fixed them.
    pub edit_right_only: usize,
    /// Accuracy of the edited minus accuracy of the unedited model, a fraction in −1..=1; 0 without items.
    pub diff: f64,
}

impl PairedOutcomes {
    /// Counts the outcomes: `base` (unedited) and `edit` are `[items]`, true where the model is right, in the same
    /// order of items. `diff` is ([`edit_right_only`](Self::edit_right_only) −
    /// [`base_right_only`](Self::base_right_only)) / n.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn new(base: &[bool], edit: &[bool]) -> Self {
        assert_eq!(base.len(), edit.len(), "one outcome of each per item");
        let count = |b: bool| base.iter().zip(edit).filter(|&(&x, &y)| x == b && y != b).count();
        let (base_right_only, edit_right_only) = (count(true), count(false));
        let n = base.len();
        let diff = (edit_right_only as f64 - base_right_only as f64) / n.max(1) as f64;
        Self { n, base_right_only, edit_right_only, diff }
    }

    /// Share of items on which exactly one of the two models is right, 0..=1; 0 without items.
    pub fn discordance(&self) -> f64 {
        (self.base_right_only + self.edit_right_only) as f64 / self.n.max(1) as f64
    }

    /// McNemar's exact two-sided p-value of these counts: [`mcnemar_exact_p`].
    pub fn mcnemar_p(&self) -> f64 {
        mcnemar_exact_p(self.base_right_only as u64, self.edit_right_only as u64)
    }
}

/// Difference edit − base of each item, `[items]`: −1 (broken), 0 (unchanged) or 1 (fixed).
///
/// `base` and `edit` are `[items]`, true where the model is right, in the same order of items.
///
/// # Panics
/// If the slices differ in length.
pub fn differences(base: &[bool], edit: &[bool]) -> Vec<i8> {
    assert_eq!(base.len(), edit.len(), "one outcome of each per item");
    base.iter().zip(edit).map(|(&b, &e)| e as i8 - b as i8).collect()
}

/// McNemar's exact two-sided p-value, 0..=1: min(1, 2·P(X ≤ min(b, c))) with X ~ Binomial(b + c, ½).
///
/// `b` and `c` are the numbers of items that only the one and only the other model answers correctly; their order does
/// not matter. Without discordant items the result is 1.
///
/// Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions or percentages",
/// with the exact binomial tail.
pub fn mcnemar_exact_p(b: u64, c: u64) -> f64 {
    let (k, n) = (b.min(c), b + c);
    if b == c {
        return 1.0;
    }
    // The tail is summed relative to its largest term, whose logarithm is computed first: with thousands of items the
    // binomial coefficients overflow and the probabilities underflow f64.
    let ln_choose: f64 = (1..=k).map(|i| (((n - k + i) as f64) / i as f64).ln()).sum();
    let ln_largest = ln_choose - n as f64 * std::f64::consts::LN_2;
    let mut term = 1.0;
    let mut tail = 1.0;
    for i in (1..=k).rev() {
        term *= i as f64 / (n - i + 1) as f64;
        tail += term;
        // Terms shrink from here on; the rest cannot change the sum.
        if term < tail * f64::EPSILON {
            break;
        }
    }
    (2.0 * (ln_largest + tail.ln()).exp()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition with exact integers; n ≤ 60 fits u128.
    fn naive_p(b: u64, c: u64) -> f64 {
        let n = b + c;
        let mut choose: u128 = 1;
        let mut tail: u128 = 0;
        for i in 0..=b.min(c) {
            tail += choose;
            choose = choose * u128::from(n - i) / u128::from(i + 1);
        }
        (2.0 * tail as f64 / 2f64.powi(n as i32)).min(1.0)
    }

    #[test]
    fn exact_p_equals_the_definition() {
        for b in 0..30 {
            for c in 0..30 {
                let (got, want) = (mcnemar_exact_p(b, c), naive_p(b, c));
                assert!((got - want).abs() <= 1e-12 * want, "b {b}, c {c}: {got} and {want}");
            }
        }
    }

    #[test]
    fn exact_p_of_known_tables() {
        // scipy.stats.binomtest(k, n, 0.5).pvalue
        for (b, c, want) in [(0, 5, 0.0625), (1, 9, 0.021484375), (0, 10, 0.001953125), (5, 15, 0.04138946533203125)] {
            assert!((mcnemar_exact_p(b, c) - want).abs() < 1e-15);
        }
    }

    #[test]
    fn exact_p_is_stable_for_many_items() {
        // The normal approximation with continuity correction is good to a few per cent here:
        // z = (400 − 1)/√20400 = 2.7935, two-sided p = 0.005213.
        let p = mcnemar_exact_p(10_000, 10_400);
        assert!((p / 0.005213 - 1.0).abs() < 0.01, "{p}");
        assert_eq!(mcnemar_exact_p(0, 100_000), 0.0);
        assert_eq!(mcnemar_exact_p(50_000, 50_000), 1.0);
        assert_eq!(mcnemar_exact_p(0, 0), 1.0);
    }

    #[test]
    fn counts_and_difference() {
        let base = [true, true, false, false, true];
        let edit = [true, false, true, true, true];
        let paired = PairedOutcomes::new(&base, &edit);
        assert_eq!((paired.base_right_only, paired.edit_right_only), (1, 2));
        assert!((paired.diff - 0.2).abs() < 1e-15);
        assert!((paired.discordance() - 0.6).abs() < 1e-15);
        assert_eq!(differences(&base, &edit), [0, -1, 1, 1, 0]);
    }

    #[test]
    fn no_items_give_difference_zero() {
        assert_eq!(PairedOutcomes::new(&[], &[]).diff, 0.0);
    }
}
