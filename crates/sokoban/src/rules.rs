//! Rules of the game: moves, pushes, and the rewards of gym-sokoban.
//!
//! Source of the rewards: gym-sokoban 0.0.6, `SokobanEnv`: −0.1 for every step, also for one against a wall; +1 for a
//! box that comes onto a goal, −1 for one that leaves a goal, +10 for the step that finishes the level.

use crate::level::State;
use crate::moves::Move;
use crate::room::Room;

/// Reward of every step.
const STEP: f64 = -0.1;
/// Reward of a box that comes onto a goal; its negative for one that leaves a goal.
const BOX: f64 = 1.0;
/// Reward of the step that finishes the level.
const FINISHED: f64 = 10.0;

/// What a move did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Whether the player is on another square.
    pub moved: bool,
    /// Whether a box was pushed.
    pub pushed: bool,
    /// Reward of the step.
    pub reward: f64,
    /// Whether all boxes are on goals now.
    pub solved: bool,
}

/// Number of boxes that are not on a goal.
pub fn boxes_off_goal(room: &Room, state: &State) -> usize {
    state.boxes.iter().filter(|square| !room.is_goal(**square)).count()
}

/// Whether all boxes are on goals.
pub fn is_solved(room: &Room, state: &State) -> bool {
    boxes_off_goal(room, state) == 0
}

/// Makes a move, if walls and boxes allow it; otherwise the state stays as it is.
pub fn make_move(room: &Room, state: &mut State, m: Move) -> Effect {
    let before = boxes_off_goal(room, state);
    let pushed = match room.neighbour(state.player, m) {
        None => return Effect { moved: false, pushed: false, reward: STEP, solved: before == 0 },
        Some(next) => match state.boxes.binary_search(&next) {
            Err(_) => {
                state.player = next;
                false
            }
            Ok(index) => match room.neighbour(next, m).filter(|behind| state.boxes.binary_search(behind).is_err()) {
                None => return Effect { moved: false, pushed: false, reward: STEP, solved: before == 0 },
                Some(behind) => {
                    state.boxes[index] = behind;
                    state.boxes.sort_unstable();
                    state.player = next;
                    true
                }
            },
        },
    };
    let after = boxes_off_goal(room, state);
    let finished = if pushed && after == 0 { FINISHED } else { 0.0 };
    let reward = STEP + BOX * (before as f64 - after as f64) + finished;
    Effect { moved: true, pushed, reward, solved: after == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;

    #[test]
    fn moves_pushes_and_rewards() {
        let level = Level::parse(&["########", "#@$..$ #", "########"]).expect("a level");
        let (room, mut state) = (&level.room, level.start.clone());
        let step = |state: &mut State, m| {
            let effect = make_move(room, state, m);
            (effect.moved, effect.pushed, (effect.reward * 10.0).round() as i32, effect.solved)
        };
        assert_eq!(step(&mut state, Move::Up), (false, false, -1, false), "a wall");
        assert_eq!(step(&mut state, Move::Right), (true, true, 9, false), "onto a goal");
        assert_eq!(step(&mut state, Move::Right), (true, true, -1, false), "from goal to goal");
        assert_eq!(step(&mut state, Move::Right), (false, false, -1, false), "two boxes in a row");
        assert_eq!(step(&mut state, Move::Left), (true, false, -1, false), "back");
        assert_eq!(state.boxes, [12, 13]);
        let level = Level::parse(&["######", "#@*$.#", "#    #", "######"]).expect("a level");
        let (room, mut state) = (&level.room, level.start.clone());
        for (m, reward) in [(Move::Down, -0.1), (Move::Right, -0.1), (Move::Right, -0.1), (Move::Left, -0.1)] {
            assert_eq!(make_move(room, &mut state, m).reward, reward);
        }
        let level = Level::parse(&["######", "#@$. #", "######"]).expect("a level");
        let (room, mut state) = (&level.room, level.start.clone());
        let last = make_move(room, &mut state, Move::Right);
        assert!(last.solved && (last.reward - 10.9).abs() < 1e-12, "-0.1 + 1 + 10");
        let off = make_move(room, &mut state, Move::Right);
        assert!(!off.solved && (off.reward + 1.1).abs() < 1e-12, "-0.1 - 1");
    }
}
