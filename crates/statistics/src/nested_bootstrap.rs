//! Bootstrap of two levels: takes worlds of items, gives an interval for any statistic of them.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::bootstrap::quantile;

/// 95 % percentile interval `[low, high]` of a statistic of items in several worlds, where first worlds and then items
/// within each drawn world are drawn with replacement; `None` with fewer than two worlds, no resamples, a world without
/// items, or a statistic that is undefined in more than one resample in twenty.
///
/// `sizes`: number of items of each world, `[worlds]`. `statistic` gets the drawn worlds, each with the indices of its
/// drawn items; a world may be drawn several times, each time with other items. The same `seed` gives the same interval.
///
/// Source: Davison & Hinkley 1997, "Bootstrap Methods and their Application", section 3.8 (hierarchical data).
pub fn nested_bootstrap_ci95(
    sizes: &[usize],
    resamples: usize,
    seed: u64,
    mut statistic: impl FnMut(&[(usize, Vec<usize>)]) -> Option<f64>,
) -> Option<[f64; 2]> {
    if sizes.len() < 2 || sizes.contains(&0) || resamples == 0 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let drawn: Vec<(usize, Vec<usize>)> = (0..sizes.len())
            .map(|_| {
                let world = rng.random_range(0..sizes.len());
                (world, (0..sizes[world]).map(|_| rng.random_range(0..sizes[world])).collect())
            })
            .collect();
        values.extend(statistic(&drawn).filter(|value| value.is_finite()));
    }
    if values.len() * 20 < resamples * 19 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some([quantile(&values, 0.025), quantile(&values, 0.975)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(values: &[Vec<f64>]) -> impl Fn(&[(usize, Vec<usize>)]) -> Option<f64> + '_ {
        |drawn| {
            let picked: Vec<f64> = drawn.iter().flat_map(|(w, items)| items.iter().map(|i| values[*w][*i])).collect();
            (!picked.is_empty()).then(|| picked.iter().sum::<f64>() / picked.len() as f64)
        }
    }

    #[test]
    fn the_interval_has_the_width_of_both_levels() {
        // World means 0 ± 1, items ± 2 around them: the variance of the mean of 16 worlds × 50 items.
        let values: Vec<Vec<f64>> = (0..16)
            .map(|w| {
                let centre = if w % 2 == 0 { 1.0 } else { -1.0 };
                (0..50).map(|i| centre + if i % 2 == 0 { 2.0 } else { -2.0 }).collect()
            })
            .collect();
        let sizes = vec![50; 16];
        let [low, high] = nested_bootstrap_ci95(&sizes, 8_000, 3, mean_of(&values)).expect("an interval");
        let stderr = (1.0 / 16.0 + 4.0 / 800.0_f64).sqrt();
        assert!((high - 1.96 * stderr).abs() < 0.05 * stderr, "{high} {stderr}");
        assert!((low + 1.96 * stderr).abs() < 0.05 * stderr, "{low} {stderr}");
    }

    #[test]
    fn the_seed_decides_and_bad_statistics_give_none() {
        let values = vec![vec![1.0, 2.0, 5.0], vec![0.0, 3.0]];
        let run = |seed| nested_bootstrap_ci95(&[3, 2], 300, seed, mean_of(&values));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert_eq!(nested_bootstrap_ci95(&[3], 100, 0, |_| Some(1.0)), None);
        assert_eq!(nested_bootstrap_ci95(&[3, 0], 100, 0, |_| Some(1.0)), None);
        let mut calls = 0;
        let sometimes = |_: &[(usize, Vec<usize>)]| {
            calls += 1;
            (calls % 10 != 0).then_some(1.0)
        };
        assert_eq!(nested_bootstrap_ci95(&[3, 2], 100, 0, sometimes), None);
    }
}
