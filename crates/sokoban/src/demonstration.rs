//! Demonstrations: the moves of a player who solves a level, optimal but for a known share of noise.

use rand::Rng;
use rand::seq::IteratorRandom;
use serde::{Deserialize, Serialize};

use crate::backward::BackwardSearch;
use crate::error::{Error, Result};
use crate::level::{Level, State};
use crate::moves::{Move, MoveSet};
use crate::room::Room;
use crate::rules::{is_solved, make_move};

/// One step of a demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The move that is made.
    pub action: Move,
    /// The optimal moves that are known: all of them for levels of our own rooms, else the one of the solution.
    pub optimal: MoveSet,
    /// Whether chance chose the move, instead of a solver.
    pub is_noise: bool,
}

/// The steps of one player from a level's start to its solution.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demonstration {
    /// The steps, at least one.
    pub steps: Vec<Step>,
}

/// How a noisy move is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// Any of the four moves with equal chance: an optimal one too, and one against a wall.
    Random,
    /// One of the moves that are not optimal.
    SubOptimal,
}

/// Noise of the demonstrations of the training part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Probability that chance chooses a move, 0 to 1.
    pub rate: f64,
    /// How it chooses.
    pub kind: NoiseKind,
}

impl Noise {
    /// No noise.
    pub const NONE: Self = Self { rate: 0.0, kind: NoiseKind::Random };

    /// Checks the rate.
    ///
    /// # Errors
    /// A rate outside 0 to 0.5: above it, a demonstration would not come nearer to its end.
    pub fn check(self) -> Result<()> {
        if (0.0..=0.5).contains(&self.rate) {
            return Ok(());
        }
        Err(Error::setting("noise", format!("expected a rate from 0 to 0.5, found {}", self.rate)))
    }
}

/// Demonstrates a level by random optimal moves, and by moves of chance at the rate of `noise`.
///
/// Chance never makes a move after which the level cannot be solved within the bound of the search. After twice
/// `most_moves` steps less the distance that is left, it makes no moves any more, so that no demonstration is longer
/// than twice `most_moves`.
///
/// # Panics
/// If the start has no distance in `distances`, or `most_moves` is less than its distance.
pub(crate) fn demonstrate(
    room: &Room,
    start: &State,
    distances: &BackwardSearch,
    noise: Noise,
    most_moves: usize,
    rng: &mut impl Rng,
) -> Demonstration {
    let mut state = start.clone();
    let mut steps = Vec::new();
    while !is_solved(room, &state) {
        let optimal = distances.optimal_moves(&state);
        let best = optimal.iter().choose(rng).expect("a state with a distance has an optimal move");
        let is_noise = noise.rate > 0.0 && rng.random_bool(noise.rate);
        let by_chance = is_noise.then(|| {
            let keeps_hope = |m: &Move| {
                let mut after = state.clone();
                make_move(room, &mut after, *m);
                // Twice the bound, less this step and the steps that are left after it.
                distances.distance(&after).is_some_and(|left| steps.len() + 1 + left <= 2 * most_moves)
            };
            let fits = |m: &Move| noise.kind == NoiseKind::Random || !optimal.contains(*m);
            Move::ALL.into_iter().filter(fits).filter(keeps_hope).choose(rng)
        });
        let (action, is_noise) = match by_chance.flatten() {
            Some(chosen) => (chosen, true),
            None => (best, false),
        };
        make_move(room, &mut state, action);
        steps.push(Step { action, optimal, is_noise });
    }
    Demonstration { steps }
}

impl Demonstration {
    /// A demonstration from the moves of a solution; each is the one optimal move that is known of its state.
    pub fn of_solution(moves: &[Move]) -> Self {
        let step = |action: &Move| {
            let mut optimal = MoveSet::default();
            optimal.insert(*action);
            Step { action: *action, optimal, is_noise: false }
        };
        Self { steps: moves.iter().map(step).collect() }
    }

    /// Plays the demonstration and checks that it solves the level with its last step and not before, that every step
    /// but those of chance moves the player, and that they are among the optimal moves.
    ///
    /// # Errors
    /// The first step that does not fit, as a sentence.
    pub fn check(&self, level: &Level) -> Result<(), String> {
        let mut state = level.start.clone();
        for (index, step) in self.steps.iter().enumerate() {
            if is_solved(&level.room, &state) {
                return Err(format!("solved after {index} of {} steps", self.steps.len()));
            }
            let effect = make_move(&level.room, &mut state, step.action);
            if !step.is_noise && !effect.moved {
                return Err(format!("step {index}: {:?} leads nowhere", step.action));
            }
            if !step.is_noise && !step.optimal.contains(step.action) {
                return Err(format!("step {index}: {:?} is not among the optimal moves", step.action));
            }
        }
        match is_solved(&level.room, &state) && !self.steps.is_empty() {
            true => Ok(()),
            false => Err(format!("not solved after all {} steps", self.steps.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::backward::Bounds;

    #[test]
    fn noise_comes_at_its_rate_and_demonstrations_still_end() {
        let level =
            Level::parse(&["########", "#      #", "# $@ . #", "#  $   #", "#   .  #", "########"]).expect("level");
        let mut distances = BackwardSearch::default();
        let bounds = Bounds { states: 100_000, moves: 40 };
        assert!(distances.run(&level.room, bounds).expect("a room"));
        let optimal = distances.distance(&level.start).expect("can be solved");
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        for (kind, rate) in [(NoiseKind::Random, 0.0), (NoiseKind::Random, 0.3), (NoiseKind::SubOptimal, 0.2)] {
            let noise = Noise { rate, kind };
            let (mut steps, mut noisy, mut wrong) = (0, 0, 0);
            for _ in 0..400 {
                let shown = demonstrate(&level.room, &level.start, &distances, noise, 40, &mut rng);
                shown.check(&level).expect("solves the level");
                assert!(shown.steps.len() <= 80 && (rate > 0.0 || shown.steps.len() == optimal));
                steps += shown.steps.len();
                noisy += shown.steps.iter().filter(|step| step.is_noise).count();
                wrong += shown.steps.iter().filter(|step| !step.optimal.contains(step.action)).count();
            }
            let (noisy, wrong) = (noisy as f64 / steps as f64, wrong as f64 / steps as f64);
            assert!((noisy - rate).abs() < 0.02, "{kind:?} {rate}: {noisy}");
            assert!(kind == NoiseKind::Random || (wrong - rate).abs() < 0.02, "{kind:?} {rate}: {wrong}");
            assert!(rate == 0.0 || wrong > rate / 3.0, "{kind:?} {rate}: {wrong}");
        }
    }

    #[test]
    fn a_demonstration_that_does_not_fit_its_level_is_named() {
        let level = Level::parse(&["######", "#@ $.#", "######"]).expect("a level");
        let check = |moves: &[Move]| Demonstration::of_solution(moves).check(&level);
        assert_eq!(check(&[Move::Right, Move::Right]), Ok(()));
        for (moves, expected) in [
            (&[Move::Right][..], "not solved after all 1 steps"),
            (&[], "not solved after all 0 steps"),
            (&[Move::Up, Move::Right], "step 0: Up leads nowhere"),
            (&[Move::Right, Move::Right, Move::Left], "solved after 2 of 3 steps"),
        ] {
            assert_eq!(check(moves), Err(expected.to_owned()));
        }
        let mut wrong = Demonstration::of_solution(&[Move::Right, Move::Right]);
        wrong.steps[1].optimal = MoveSet::from_bits(1);
        assert_eq!(wrong.check(&level), Err("step 1: Right is not among the optimal moves".to_owned()));
    }
}
