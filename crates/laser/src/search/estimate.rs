//! Estimate: measured gains of the finalists → gains to expect on new items (`docs/search.md`, "Decision").

use laser_statistics::{Estimate, shrink};

/// Edits whose measured gain is within so many standard errors of the best show how gains scatter. With edits that
/// destroy the model, or have no effect, among them, true gains would not be normally distributed.
const CONTENDER: f64 = 1.0;

/// Estimates of the finalists' gains, in the same order; `others`: measured gains of the edits that are no finalists.
///
/// Only contenders are shrunk towards one another. A finalist that is none keeps its measured gain: with it, one strong
/// edit among many without effect would count as luck.
pub(super) fn estimate(measured: &[Estimate], others: &[Estimate]) -> Vec<Estimate> {
    let best = measured.iter().map(|gain| gain.value).fold(f64::NEG_INFINITY, f64::max);
    let is_contender = |gain: &Estimate| best - gain.value <= CONTENDER * gain.stderr;
    let contenders: Vec<Estimate> = measured.iter().chain(others).copied().filter(is_contender).collect();
    // Contenders of `measured` come first.
    let mut shrunk = shrink(&contenders).into_iter();
    let estimate = |gain: &Estimate| {
        let Some(estimated) = is_contender(gain).then(|| shrunk.next()).flatten() else { return *gain };
        // Candidates are scored on the same items, so that they share errors: their scatter cannot show these, and an
        // estimate is never surer than its own measurement. To have been chosen makes a measured gain too large, never too
        // small, so that an estimate is never larger either.
        Estimate { value: estimated.value.min(gain.value), stderr: estimated.stderr.max(gain.stderr) }
    };
    measured.iter().map(estimate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(value: f64) -> Estimate {
        Estimate { value, stderr: 0.02 }
    }

    #[test]
    fn luck_lowers_the_best_and_raises_none() {
        let measured = [gain(0.05), gain(0.04), gain(0.035), gain(-0.2)];
        let estimated = estimate(&measured, &[gain(0.045)]);
        assert!(estimated[0].value < 0.05 - 0.002, "{estimated:?}");
        for (estimated, measured) in estimated.iter().zip(&measured) {
            assert!(estimated.value <= measured.value && estimated.stderr >= measured.stderr, "{estimated:?}");
        }
        assert_eq!(estimated[3], measured[3], "no contender");
        assert!(estimate(&[], &[gain(0.1)]).is_empty());
    }

    #[test]
    fn edits_far_behind_are_no_sign_of_luck() {
        let strong = [gain(0.2), gain(0.19), gain(0.185)];
        let alone = estimate(&strong, &[]);
        assert_eq!(estimate(&strong, &[gain(0.0), gain(0.01), gain(-0.3)]), alone);
        assert!(estimate(&strong, &[gain(0.21)])[0].value > 0.17);
    }
}
