//! Power: takes a number of items and the share on which two models disagree, gives the smallest difference that a
//! paired test can detect.

use super::{Z_80, Z_975};

/// Smallest difference of two paired accuracies that McNemar's test (two-sided, α = 0.05) detects with 80 % power, as a
/// fraction in 0..=`discordance`; `None` if no difference that large is possible.
///
/// Solves δ√n = z₀.₉₇₅·√d + z₀.₈·√(d − δ²) for δ. `n` is the number of independent items
/// ([`effective_items`](crate::effective_items) if items are grouped), `discordance` d the share of items that exactly
/// one of the two models answers correctly, 0..=1
/// ([`PairedOutcomes::discordance`](crate::PairedOutcomes::discordance)). δ = d means that every discordant item
/// favours the same model, so a solution above d cannot occur.
///
/// Source: Connett, Smith & McHugh 1987, "Sample size and power for pair-matched case-control studies".
pub fn minimal_detectable_difference(n: f64, discordance: f64) -> Option<f64> {
    let (a, b) = (Z_975 * Z_975, Z_80 * Z_80);
    let spread = discordance * b * (n - a + b);
    let delta = (Z_975 * (n * discordance).sqrt() + spread.sqrt()) / (n + b);
    // The square root is NaN for too few items; the comparison is then false, so the result is `None`.
    (delta > 0.0 && delta <= discordance).then_some(delta)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::mcnemar_exact_p;

    #[test]
    fn the_result_solves_the_equation() {
        for (n, d) in [(100.0, 0.2), (1000.0, 0.1), (5000.0, 0.03)] {
            let delta = minimal_detectable_difference(n, d).expect("detectable");
            let left = delta * n.sqrt();
            let right = Z_975 * d.sqrt() + Z_80 * (d - delta * delta).sqrt();
            assert!((left - right).abs() < 1e-12);
        }
    }

    #[test]
    fn the_detectable_difference_is_detected_with_80_percent_power() {
        let (n, discordance) = (1000, 0.1);
        let delta = minimal_detectable_difference(n as f64, discordance).expect("detectable");
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let shown = (0..2000)
            .filter(|_| {
                let (mut fixed, mut broken) = (0, 0);
                for _ in 0..n {
                    let u: f64 = rng.random();
                    fixed += u64::from(u < (discordance + delta) / 2.0);
                    broken += u64::from((1.0 - u) < (discordance - delta) / 2.0);
                }
                mcnemar_exact_p(broken, fixed) < 0.05
            })
            .count();
        // The exact test is a little conservative, hence the lower edge below 80 %.
        assert!((1440..=1660).contains(&shown), "{shown} of 2000");
    }

    #[test]
    fn too_few_items_detect_nothing() {
        assert_eq!(minimal_detectable_difference(10.0, 0.1), None);
        assert_eq!(minimal_detectable_difference(2.0, 0.9), None);
        assert_eq!(minimal_detectable_difference(0.0, 0.0), None);
        assert_eq!(minimal_detectable_difference(1000.0, 0.0), None);
    }
}
