//! Item order: items of the search split → the order in which every candidate is scored on them, and the points at
//! which a race may drop candidates.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::settings::Settings;
use crate::evaluate::Evaluator;

/// Order in which all candidates are scored on the items of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemOrder {
    /// Item indices: shuffled, then sorted by their tokens between two drop points, so that items of one batch share
    /// prefixes.
    pub items: Vec<usize>,
    /// Numbers of items after which a race may drop candidates, ascending; the last is the number of all items.
    pub drop_points: Vec<usize>,
}

impl ItemOrder {
    /// Orders `items`. The shuffle depends on `settings.order_seed`, the drop points on whether the plan has a race.
    pub fn new(evaluator: &Evaluator<'_>, items: &[usize], settings: &Settings) -> Self {
        let mut order = items.to_vec();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(settings.order_seed));
        let mut drop_points = if settings.plan.drops_candidates() { race_points(order.len()) } else { Vec::new() };
        drop_points.push(order.len());
        let mut from = 0;
        for point in &drop_points {
            evaluator.sort(&mut order[from..*point]);
            from = *point;
        }
        Self { items: order, drop_points }
    }
}

/// Drop points of a race over `n` items, `n` itself excluded: 48, 64, 96, 128, …, that is, steps of a third and a half in
/// turn. On fewer items most differences are nearly 0 and a few are large, so that their variance is badly known and good
/// candidates would be dropped (`docs/search.md`, "Race").
fn race_points(n: usize) -> Vec<usize> {
    let mut points = vec![48, 64];
    while points[points.len() - 1] < n {
        points.push(2 * points[points.len() - 2]);
    }
    points.retain(|point| *point < n);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_points_grow_by_a_third_and_a_half_in_turn() {
        assert_eq!(race_points(200), [48, 64, 96, 128, 192]);
        assert_eq!(race_points(64), [48]);
        assert!(race_points(48).is_empty());
    }
}
