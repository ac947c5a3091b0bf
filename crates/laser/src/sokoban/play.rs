//! Play: a player and levels → the moves it makes, many levels at once.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};

use laser_model::forward::Trajectory;
use laser_model::parallel::map;
use laser_sokoban::rules::{is_solved, make_move};
use laser_sokoban::{Context, Level, Move, State};

use super::player::{Player, trajectory};
use super::player_settings::PlayerSettings;
use crate::error::{Error, Result};
use crate::evaluate::context::RunContext;

/// How a level ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All boxes are on goals.
    Solved,
    /// The moves were used up.
    OutOfMoves,
    /// The last states came in the same order before: the player goes in a circle.
    Circle,
}

/// What a player did in a level.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// The moves, in order.
    pub moves: Vec<Move>,
    /// Sum of the rewards. A player in a circle gets those of standing still until its moves are used up.
    pub total_return: f64,
    /// How it ended.
    pub ending: Ending,
}

impl Played {
    /// Whether the level was solved.
    pub fn solved(&self) -> bool {
        self.ending == Ending::Solved
    }
}

/// Number of levels that are played side by side: enough rows for products near their peak speed, few enough for work on
/// all threads.
const SIDE_BY_SIDE: usize = 64;
/// Reward of a step that changes nothing.
const IDLE: f64 = -0.1;

impl Player<'_> {
    /// Plays levels, each to its end: at each step the move with the largest value, the first of them at a tie.
    ///
    /// A level also ends when the last states (as many as the context holds) came in the same order before. Only the
    /// numbers of the time steps differ then, so that the player goes in a circle, but for what it makes of the time.
    /// The result does not depend on the number of threads, nor on which levels are played together.
    ///
    /// # Errors
    /// Values that are not finite; if the observer stops the work.
    ///
    /// # Panics
    /// If a level is larger than the board ([`Player::check_level`]).
    pub fn play(&self, levels: &[&Level], run: RunContext<'_>) -> Result<Vec<Played>> {
        let model = self.model.with_threads(1);
        let alone = Player { model: &model, ..*self };
        let done = AtomicUsize::new(0);
        let shares: Vec<&[&Level]> = levels.chunks(SIDE_BY_SIDE).collect();
        let played = map(shares, run.threads, run.observer, |share| {
            let played = alone.play_together(share)?;
            run.progress(share.len() + done.fetch_add(share.len(), Ordering::Relaxed), levels.len());
            Ok::<_, Error>(played)
        })?;
        Ok(played.into_iter().flatten().collect())
    }

    /// Plays some levels side by side, one step of all of them at a time.
    fn play_together(&self, levels: &[&Level]) -> Result<Vec<Played>> {
        let mut games: Vec<Game<'_>> = levels.iter().map(|level| Game::new(level, &self.settings)).collect();
        loop {
            let mut live: Vec<&mut Game<'_>> = games.iter_mut().filter(|game| game.ending.is_none()).collect();
            if live.is_empty() {
                break;
            }
            for game in &mut live {
                self.see(&mut game.seen, &game.level.room, &game.state, game.moves.len());
            }
            let contexts: Vec<Trajectory> = live.iter().map(|game| trajectory(&game.seen)).collect();
            let values = self.model.next_actions(&contexts.iter().collect::<Vec<_>>(), 1)?; // [live, 4]
            for (game, values) in live.into_iter().zip(values.to_vec2::<f32>()?) {
                game.make_move(best_move(&values), &self.settings);
            }
        }
        Ok(games.into_iter().map(Game::into_played).collect())
    }
}

/// The move with the largest value, the first of them at a tie. `values`: one for each move.
fn best_move(values: &[f32]) -> Move {
    let better = |best: Move, m: Move| if values[m.index()] > values[best.index()] { m } else { best };
    Move::ALL.into_iter().reduce(better).expect("there are four moves")
}

/// A level in play.
struct Game<'a> {
    level: &'a Level,
    state: State,
    seen: Context,
    /// The last states, at most as many as the context holds.
    recent: VecDeque<State>,
    /// All sequences of states that a context has held.
    known: HashSet<Vec<State>>,
    moves: Vec<Move>,
    total_return: f64,
    ending: Option<Ending>,
}

impl<'a> Game<'a> {
    fn new(level: &'a Level, settings: &PlayerSettings) -> Self {
        let state = level.start.clone();
        let ending = is_solved(&level.room, &state).then_some(Ending::Solved);
        // A context of one step is full from the start.
        let full = (settings.context == 1).then(|| vec![state.clone()]);
        Self {
            level,
            recent: VecDeque::from([state.clone()]),
            state,
            seen: Context::default(),
            known: full.into_iter().collect(),
            moves: Vec::new(),
            total_return: 0.0,
            ending,
        }
    }

    fn make_move(&mut self, m: Move, settings: &PlayerSettings) {
        let effect = make_move(&self.level.room, &mut self.state, m);
        self.seen.set_action(m);
        self.moves.push(m);
        self.total_return += effect.reward;
        self.recent.push_back(self.state.clone());
        if self.recent.len() > settings.context {
            self.recent.pop_front();
        }
        let full = self.recent.len() == settings.context;
        if effect.solved {
            self.ending = Some(Ending::Solved);
        } else if self.moves.len() >= settings.max_moves {
            self.ending = Some(Ending::OutOfMoves);
        } else if full && !self.known.insert(self.recent.iter().cloned().collect()) {
            self.ending = Some(Ending::Circle);
            self.total_return += IDLE * (settings.max_moves - self.moves.len()) as f64;
        }
    }

    fn into_played(self) -> Played {
        let ending = self.ending.expect("every game is played to its end");
        Played { moves: self.moves, total_return: self.total_return, ending }
    }
}
