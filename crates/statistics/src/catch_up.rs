//! Catching up: takes paired differences on the items two models were both asked, gives the probability that the one
//! behind is ahead once all items are asked.

/// P(Σ over all `total` items of the difference > 0) given the differences seen, for items in random order.
///
/// The sum of the items still to come is predicted from those seen: mean (N−n)·x̄, variance (N−n)·(N/n)·s² for n of N
/// items seen, which counts both the spread of what is to come and the uncertainty of x̄; s² is the sample variance, and
/// the tail is Student's with n−1 degrees of freedom. Differences that do not vary decide the matter, 0.5 if they are
/// all 0. `None` for fewer than two items seen.
///
/// # Panics
/// If more items were seen than there are.
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

/// Student's distribution function with `dof` degrees of freedom, through the normal one by Wallace's approximation
/// (1959); the error is below 0.007 from 5 degrees on, where a race begins.
fn student_cdf(t: f64, dof: f64) -> f64 {
    let z = (8.0 * dof + 1.0) / (8.0 * dof + 3.0) * (dof * (t * t / dof).ln_1p()).sqrt();
    normal_cdf(z.copysign(t))
}

/// The standard normal distribution function.
fn normal_cdf(z: f64) -> f64 {
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

    /// One that is ahead by a hair after all items is dropped, at a probability below δ, in a share of about δ of the
    /// orders in which the items may come, and no more.
    #[test]
    fn one_that_ends_ahead_is_rarely_given_up() {
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
                // Whole numbers of items come in steps.
                assert!(share < 1.25 * rate + 0.015 && share > 0.3 * rate, "{up} {rate}: {share}");
            }
        }
    }

    #[test]
    fn the_end_and_the_beginning_are_certain_and_unknown() {
        assert_eq!(catch_up_probability(&[1.0], 10), None);
        assert_eq!(catch_up_probability(&[1.0, -1.0, 1.0], 3), Some(1.0));
        assert_eq!(catch_up_probability(&[0.0; 20], 100), Some(0.5));
        assert_eq!(catch_up_probability(&[-0.5; 20], 100), Some(0.0));
    }
}
