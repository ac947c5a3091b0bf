//! Paired outcomes: takes right/wrong of base and edit on the same items, gives counts and McNemar's p.

/// How two models differ on the same items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Items compared.
    pub n: usize,
    /// Items only the base answers right: what the edit broke.
    pub base_right_only: usize,
    /// Items only the edit answers right: what the edit fixed.
    pub edit_right_only: usize,
    /// Accuracy of the edit minus accuracy of the base, in -1..=1; 0 when there are no items.
    pub diff: f64,
}

impl Paired {
    /// Compares right/wrong outcomes, both `[items]`.
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

    /// Share of items on which exactly one of the two is right, in 0..=1.
    pub fn discordance(&self) -> f64 {
        (self.base_right_only + self.edit_right_only) as f64 / self.n.max(1) as f64
    }

    /// McNemar's exact two-sided p of these counts.
    pub fn mcnemar_p(&self) -> f64 {
        mcnemar_exact_p(self.base_right_only as u64, self.edit_right_only as u64)
    }
}

/// Per-item differences edit − base in {−1, 0, 1}, `[items]`.
///
/// # Panics
/// If the slices differ in length.
pub fn differences(base: &[bool], edit: &[bool]) -> Vec<i8> {
    assert_eq!(base.len(), edit.len(), "one outcome of each per item");
    base.iter().zip(edit).map(|(&b, &e)| e as i8 - b as i8).collect()
}

/// McNemar's exact two-sided p for `b` and `c` discordant items:
/// min(1, 2·P(X ≤ min(b, c))) with X ~ Binomial(b + c, ½).
///
/// The tail is summed relative to its largest term, whose logarithm is taken first, so that
/// thousands of items neither overflow nor vanish early.
pub fn mcnemar_exact_p(b: u64, c: u64) -> f64 {
    let (k, n) = (b.min(c), b + c);
    if b == c {
        return 1.0;
    }
    let ln_choose: f64 = (1..=k).map(|i| (((n - k + i) as f64) / i as f64).ln()).sum();
    let ln_largest = ln_choose - n as f64 * std::f64::consts::LN_2;
    let mut term = 1.0;
    let mut tail = 1.0;
    for i in (1..=k).rev() {
        term *= i as f64 / (n - i + 1) as f64;
        tail += term;
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
        let paired = Paired::new(&base, &edit);
        assert_eq!((paired.base_right_only, paired.edit_right_only), (1, 2));
        assert!((paired.diff - 0.2).abs() < 1e-15);
        assert!((paired.discordance() - 0.6).abs() < 1e-15);
        assert_eq!(differences(&base, &edit), [0, -1, 1, 1, 0]);
    }

    #[test]
    fn no_items_is_no_difference() {
        assert_eq!(Paired::new(&[], &[]).diff, 0.0);
    }
}
