//! Power: takes a number of items and how often two models disagree, gives what a test can show.

use super::{Z_80, Z_975};

/// The smallest difference of two paired accuracies that McNemar's test at α = 0.05 (two-sided)
/// shows with 80 % power, as a fraction; `None` when not even a one-sided flip of every discordant
/// item would be shown.
///
/// `n` is the number of independent items, `discordance` the share on which exactly one model is
/// right. Solves δ√n = z₀.₉₇₅·√d + z₀.₈·√(d − δ²) for δ (Connett, Smith & McHugh 1987).
pub fn minimal_detectable_difference(n: f64, discordance: f64) -> Option<f64> {
    let (a, b) = (Z_975 * Z_975, Z_80 * Z_80);
    let spread = discordance * b * (n - a + b);
    let delta = (Z_975 * (n * discordance).sqrt() + spread.sqrt()) / (n + b);
    // A NaN (too few items for a root) fails the comparison as well.
    (delta > 0.0 && delta <= discordance).then_some(delta)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::mcnemar_exact_p;

    #[test]
    fn solves_its_equation() {
        for (n, d) in [(100.0, 0.2), (1000.0, 0.1), (5000.0, 0.03)] {
            let delta = minimal_detectable_difference(n, d).expect("detectable");
            let left = delta * n.sqrt();
            let right = Z_975 * d.sqrt() + Z_80 * (d - delta * delta).sqrt();
            assert!((left - right).abs() < 1e-12);
        }
    }

    #[test]
    fn the_difference_it_names_is_shown_four_times_of_five() {
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
    fn too_few_items_show_nothing() {
        assert_eq!(minimal_detectable_difference(10.0, 0.1), None);
        assert_eq!(minimal_detectable_difference(2.0, 0.9), None);
        assert_eq!(minimal_detectable_difference(0.0, 0.0), None);
        assert_eq!(minimal_detectable_difference(1000.0, 0.0), None);
    }
}
