//! Catching up: takes paired differences on the items scored so far, gives the probability that the candidate that is
//! behind will be ahead once all items are scored.

/// Probability, 0..=1, that the sum of differences over all `total` items is positive, given the differences on the
/// `seen` items; `None` with fewer than two items seen.
///
/// With n of N items seen in random order, mean x̄ and sample variance s², the full sum is predicted as N·x̄ with
/// variance (N−n)·(N/n)·s²: the spread of the N−n unseen items plus the uncertainty of x̄. The result is
/// P(T > −N·x̄ / √variance) for Student's T with n−1 degrees of freedom. Without any spread (all differences equal, or
/// all items seen) the sign of x̄ decides: 1, 0, or 0.5 if x̄ is 0.
///
/// `seen` is `[items seen]`: the value of one candidate minus the value of the other at each item, in any unit.
///
/// Source: the posterior distribution of the total of a finite population under a normal model (Ericson 1969,
/// "Subjective Bayesian Models in Sampling Finite Populations").
///
/// # Panics
/// If `seen` has more than `total` items.
pub fn catch_up_probability(seen: &[f64], total: usize) -> Option<f64> {
    let (n, all) = (seen.len() as f64, total as f64);
    assert!(seen.len() <= total, "at most all items were seen");
    if seen.len() < 2 {
        return None;
    }
    let sum: f64 = seen.iter().sum();
    let mean = sum / n;
    let variance = seen.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let spread = ((all - n) * all / n * variance).sqrt();
    let expected = all * mean;
    if spread == 0.0 {
        return Some(if expected > 0.0 {
            1.0
        } else if expected < 0.0 {
            0.0
        } else {
            0.5
        });
    }
    Some(student_cdf(expected / spread, n - 1.0))
}

/// Distribution function of Student's t with `dof` degrees of freedom, P(T ≤ t).
///
/// Wallace's transformation to the normal distribution (1959, "Bounds on normal approximations to Student's and the
/// chi-square distributions"). The error is below 0.007 for `dof` ≥ 5; a race scores more items than that before it
/// drops a candidate.
fn student_cdf(t: f64, dof: f64) -> f64 {
    let z = (8.0 * dof + 1.0) / (8.0 * dof + 3.0) * (dof * (t * t / dof).ln_1p()).sqrt();
    normal_cdf(z.copysign(t))
}

/// Distribution function of the standard normal distribution, P(Z ≤ z).
fn normal_cdf(z: f64) -> f64 {
    // erfc keeps its relative precision in the lower tail, where 1 + erf would cancel.
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::seq::SliceRandom;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::Z_975;

    #[test]
    fn distributions_have_their_known_values() {
        assert!((normal_cdf(Z_975) - 0.975).abs() < 1e-12);
        // R: pt(2.13185, 4), pt(-1.75305, 15), pt(0.5, 30)
        for (t, dof, p) in [(2.131_847, 4.0, 0.95), (-1.753_050, 15.0, 0.05), (0.5, 30.0, 0.689_638)] {
            assert!((student_cdf(t, dof) - p).abs() < 0.004, "{t} {dof}: {}", student_cdf(t, dof));
        }
    }

    /// A candidate that is ahead by one item after all items, shuffled at random: the share of orders in which its
    /// catch-up probability after `seen` items is below `rate` is about `rate`.
    #[test]
    fn a_candidate_that_ends_ahead_is_rarely_dropped() {
        let mut rng = ChaCha8Rng::seed_from_u64(12);
        for (up, total, seen) in [(11, 160, 48), (21, 160, 64), (16, 400, 96)] {
            let mut items: Vec<f64> = (0..total)
                .map(|i| {
                    if i < up {
                        1.0
                    } else if i < 2 * up - 1 {
                        -1.0
                    } else {
                        0.0
                    }
                })
                .collect();
            for rate in [0.05, 0.1, 0.25] {
                let dropped = (0..4000)
                    .filter(|_| {
                        items.shuffle(&mut rng);
                        catch_up_probability(&items[..seen], total).is_some_and(|p| p < rate)
                    })
                    .count();
                let share = dropped as f64 / 4000.0;
                // The sums are whole numbers, so the share moves in steps.
                assert!(share < 1.25 * rate + 0.015 && share > 0.3 * rate, "{up} {rate}: {share}");
            }
        }
    }

    #[test]
    fn too_few_items_give_none_and_no_spread_gives_certainty() {
        assert_eq!(catch_up_probability(&[1.0], 10), None);
        assert_eq!(catch_up_probability(&[1.0, -1.0, 1.0], 3), Some(1.0));
        assert_eq!(catch_up_probability(&[0.0; 20], 100), Some(0.5));
        assert_eq!(catch_up_probability(&[-0.5; 20], 100), Some(0.0));
    }
}
