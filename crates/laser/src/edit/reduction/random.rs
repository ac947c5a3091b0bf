//! `random(ρ,seed)`: keeps components drawn at random, as a control for every deliberate choice of components.

use std::fmt;

use laser_linalg::{RankFraction, Spectrum};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::edit::seed::derived_seed;
use crate::error::Result;
use laser_model::weight_id::WeightId;

/// Keeps ⌊keep·min(m, n)⌋ components, drawn without replacement.
///
/// The draw depends on the seed and the matrix, not on ρ: with one seed, the components of a smaller ρ are a subset of
/// the components of a larger ρ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Random {
    /// ρ, the share of components that is kept.
    pub keep: RankFraction,
    /// Seed from which the seed of each matrix is derived.
    pub seed: u64,
}

impl Random {
    /// Positions of the kept components among `max_rank`, ascending: the first places of a Fisher–Yates shuffle.
    fn draw(self, id: WeightId, max_rank: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(derived_seed(self.seed, &format!("random {id}")));
        let mut order: Vec<usize> = (0..max_rank).collect();
        let kept = self.keep.of(max_rank);
        for i in 0..kept {
            let other = rng.random_range(i..max_rank);
            order.swap(i, other);
        }
        order.truncate(kept);
        order.sort_unstable();
        order
    }
}

impl Reduce for Random {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        source.components(&self.draw(source.id(), source.max_rank()))
    }

    fn components(&self, id: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        Some(self.draw(id, spectrum.values().len()))
    }
}

impl fmt::Display for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "random({},{})", self.keep, self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laser_model::weight_id::WeightKind;

    #[test]
    fn draws_differ_by_seed_and_matrix_and_a_smaller_rho_draws_a_subset() {
        let draw = |keep: &str, seed, layer| {
            let random = Random { keep: keep.parse().expect("a fraction"), seed };
            random.draw(WeightId::new(layer, WeightKind::Down), 200)
        };
        let ten = draw("0.05", 7, 3);
        assert_eq!(ten.len(), 10);
        assert!(ten.windows(2).all(|w| w[0] < w[1]) && ten[9] < 200, "{ten:?}");
        assert_eq!(ten, draw("0.05", 7, 3));
        assert!(ten != draw("0.05", 8, 3) && ten != draw("0.05", 7, 4));
        let half = draw("0.5", 7, 3);
        assert!(ten.iter().all(|i| half.contains(i)));
        assert_eq!((draw("0", 7, 3), draw("1", 7, 3)), (vec![], (0..200).collect()));
    }

    #[test]
    fn every_component_is_as_likely_as_any_other() {
        let mut counts = [0u32; 20];
        for seed in 0..2000 {
            let random = Random { keep: "0.25".parse().expect("a fraction"), seed };
            let drawn = random.draw(WeightId::new(0, WeightKind::Q), 20);
            drawn.into_iter().for_each(|i| counts[i] += 1);
        }
        // Expected 500 each, with a standard deviation of 19.
        assert!(counts.iter().all(|c| (420..580).contains(c)), "{counts:?}");
    }
}
