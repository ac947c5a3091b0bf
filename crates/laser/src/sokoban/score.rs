//! Demonstrations under a player: how probable it finds their moves when it sees the states that they lead to.

use std::sync::atomic::{AtomicUsize, Ordering};

use laser_model::forward::Trajectory;
use laser_model::parallel::map;
use laser_sokoban::rules::make_move;
use laser_sokoban::{Context, Demonstration, Level, Move, MoveSet};

use super::player::{Player, trajectory};
use crate::error::{Error, Result};
use crate::evaluate::context::RunContext;

/// Probability of a demonstration under a player.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DemonstrationScore {
    /// Natural logarithm of the probability of all its moves, each after those before it.
    pub logprob: f64,
    /// Number of steps.
    pub steps: usize,
    /// Number of steps at which the player's own move is among the optimal ones that are known.
    pub optimal: usize,
    /// By how much the best known optimal move is ahead of the best other move at the step where that is least, in nats;
    /// infinite if all moves are optimal at every step.
    pub least_margin: f64,
}

/// Number of demonstrations that are scored side by side.
const SIDE_BY_SIDE: usize = 16;

impl Player<'_> {
    /// Scores demonstrations of levels: at each step the player reads the same context as in play.
    ///
    /// # Errors
    /// Values that are not finite; if the observer stops the work.
    ///
    /// # Panics
    /// If a level is larger than the board ([`Player::check_level`]).
    pub fn score(
        &self,
        demonstrations: &[(&Level, &Demonstration)],
        run: RunContext<'_>,
    ) -> Result<Vec<DemonstrationScore>> {
        let model = self.model.with_threads(1);
        let alone = Player { model: &model, ..*self };
        let done = AtomicUsize::new(0);
        let shares: Vec<_> = demonstrations.chunks(SIDE_BY_SIDE).collect();
        let scores = map(shares, run.threads, run.observer, |share| {
            let scores = alone.score_together(share)?;
            run.progress(share.len() + done.fetch_add(share.len(), Ordering::Relaxed), demonstrations.len());
            Ok::<_, Error>(scores)
        })?;
        Ok(scores.into_iter().flatten().collect())
    }

    /// The contexts of a demonstration, one for each of its steps, in order.
    pub(crate) fn contexts(&self, level: &Level, demonstration: &Demonstration) -> Vec<Trajectory> {
        let (mut state, mut seen, mut contexts) = (level.start.clone(), Context::default(), Vec::new());
        for (time, step) in demonstration.steps.iter().enumerate() {
            self.see(&mut seen, &level.room, &state, time);
            contexts.push(trajectory(&seen));
            seen.set_action(step.action);
            make_move(&level.room, &mut state, step.action);
        }
        contexts
    }

    fn score_together(&self, share: &[(&Level, &Demonstration)]) -> Result<Vec<DemonstrationScore>> {
        let contexts: Vec<Trajectory> = share.iter().flat_map(|(level, shown)| self.contexts(level, shown)).collect();
        if contexts.is_empty() {
            return Ok(vec![DemonstrationScore::default(); share.len()]);
        }
        let values = self.model.next_actions(&contexts.iter().collect::<Vec<_>>(), 1)?; // [steps, 4]
        let mut values = values.to_vec2::<f32>()?.into_iter();
        let score = |(_, shown): &(&Level, &Demonstration)| {
            let mut score = DemonstrationScore { least_margin: f64::INFINITY, ..DemonstrationScore::default() };
            for (step, values) in shown.steps.iter().zip(values.by_ref()) {
                let values: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
                let margin = lead(&values, step.optimal);
                score.logprob += values[step.action.index()] - log_sum_exp(&values);
                score.steps += 1;
                score.optimal += usize::from(margin > 0.0);
                score.least_margin = score.least_margin.min(margin);
            }
            score
        };
        Ok(share.iter().map(score).collect())
    }
}

/// ln Σ exp(values).
fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + values.iter().map(|v| (v - largest).exp()).sum::<f64>().ln()
}

/// By how much the best of the moves `of` is ahead of the best of the others; infinite if there are no others.
fn lead(values: &[f64], of: MoveSet) -> f64 {
    let best = |wanted: bool| {
        let moves = Move::ALL.into_iter().filter(|m| of.contains(*m) == wanted);
        moves.map(|m| values[m.index()]).fold(f64::NEG_INFINITY, f64::max)
    };
    best(true) - best(false)
}
