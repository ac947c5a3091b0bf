//! `random(ρ,seed)`, `random(r40,seed)`, `random(e0.9,seed)`: keeps components drawn at random, as a control for every
//! deliberate choice of components.

use std::fmt;

use laser_linalg::{RankRule, Spectrum};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Reduce, ReducedMatrix, SourceMatrix};
use crate::edit::seed::derived_seed;
use crate::error::Result;
use laser_model::weight_id::{WeightId, WeightKind};

/// Keeps components that are drawn without replacement: a share of them, a number of them, or as many as hold a share of
/// the energy Σσᵢ².
///
/// The draw depends on the seed and the matrix, not on the rule: with one seed, the components of a smaller number are a
/// subset of the components of a larger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Random {
    /// Rule of how many are kept.
    pub keep: RankRule,
    /// Seed from which the seed of each matrix is derived.
    pub seed: u64,
}

impl Random {
    /// All positions below `max_rank` in the order of the draw: a Fisher–Yates shuffle.
    fn order(self, id: WeightId, max_rank: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(derived_seed(self.seed, &format!("random {id}")));
        let mut order: Vec<usize> = (0..max_rank).collect();
        for i in 0..max_rank {
            let other = rng.random_range(i..max_rank);
            order.swap(i, other);
        }
        order
    }

    /// Positions of the kept components, ascending. `singular`: the singular values, which only an energy needs.
    fn draw(self, id: WeightId, max_rank: usize, singular: &[f64]) -> Vec<usize> {
        let mut order = self.order(id, max_rank);
        let kept = match self.keep {
            RankRule::Fraction(rho) => rho.of(max_rank),
            RankRule::Absolute(rank) => rank.min(max_rank),
            RankRule::Energy(share) => {
                let wanted = share.to_f64() * singular.iter().map(|s| s * s).sum::<f64>();
                let mut energy = 0.0;
                let reached = order.iter().position(|i| {
                    energy += singular[*i] * singular[*i];
                    energy >= wanted
                });
                // The sums are in different orders, so that all components may miss a share of 1 by rounding.
                if wanted <= 0.0 { 0 } else { reached.map_or(max_rank, |last| last + 1) }
            }
        };
        order.truncate(kept);
        order.sort_unstable();
        order
    }
}

impl Reduce for Random {
    fn reduce(&self, source: &SourceMatrix<'_>) -> Result<ReducedMatrix> {
        let spectrum = if self.keep.needs_spectrum() { Some(source.spectrum()?) } else { None };
        let singular = spectrum.as_ref().map_or(&[][..], Spectrum::values);
        source.components(&self.draw(source.id(), source.max_rank(), singular))
    }

    fn components(&self, id: WeightId, spectrum: &Spectrum) -> Option<Vec<usize>> {
        Some(self.draw(id, spectrum.values().len(), spectrum.values()))
    }

    fn check(&self, kind: WeightKind, [m, n]: [usize; 2]) -> Result<(), String> {
        match self.keep {
            RankRule::Absolute(rank) if rank > m.min(n) => {
                Err(format!("{rank} components, but {kind} has only {}", m.min(n)))
            }
            _ => Ok(()),
        }
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

    #[test]
    fn draws_differ_by_seed_and_matrix_and_a_smaller_rho_draws_a_subset() {
        let draw = |keep: &str, seed, layer| {
            let random = Random { keep: keep.parse().expect("a fraction"), seed };
            random.draw(WeightId::new(layer, WeightKind::Down), 200, &[])
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
            let drawn = random.draw(WeightId::new(0, WeightKind::Q), 20, &[]);
            drawn.into_iter().for_each(|i| counts[i] += 1);
        }
        // Expected 500 each, with a standard deviation of 19.
        assert!(counts.iter().all(|c| (420..580).contains(c)), "{counts:?}");
    }

    #[test]
    fn an_energy_is_reached_with_the_fewest_of_the_draw() {
        let singular: Vec<f64> = (1..=50).rev().map(f64::from).collect();
        let draw = |keep: &str| {
            let random = Random { keep: keep.parse().expect("a rule"), seed: 3 };
            random.draw(WeightId::new(2, WeightKind::Up), 50, &singular)
        };
        let energy = |kept: &[usize]| kept.iter().map(|i| singular[*i].powi(2)).sum::<f64>();
        let total: f64 = singular.iter().map(|s| s * s).sum();
        for share in ["0.1", "0.5", "0.93"] {
            let kept = draw(&format!("e{share}"));
            let wanted: f64 = share.parse::<f64>().expect("a number") * total;
            // The draw with one component fewer falls short.
            let fewer = draw(&format!("r{}", kept.len() - 1));
            assert!(energy(&kept) >= wanted && energy(&fewer) < wanted, "{share}");
            assert!(fewer.iter().all(|i| kept.contains(i)));
        }
        assert_eq!((draw("e0").len(), draw("e1").len()), (0, 50));
    }
}
