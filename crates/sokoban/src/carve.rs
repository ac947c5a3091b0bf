//! Carving of a room: a random walk leaves floor behind it, and goals lie anywhere on the floor.
//!
//! Source of the walk and its masks: gym-sokoban 0.0.6, `room_topology_generation` (Schrader, MIT): ⌊1.7 · (rows +
//! columns)⌋ steps, each in a new random direction with probability 0.35, each carving one of five masks of 3 × 3.

use rand::Rng;
use rand::seq::index::sample;

use crate::room::Room;

/// Probability of a new direction at each step.
const TURN: f64 = 0.35;
/// Squares that become floor around the place of the walk, as changes of row and column.
const MASKS: [&[(i32, i32)]; 5] = [
    &[(0, -1), (0, 0), (0, 1)],
    &[(-1, 0), (0, 0), (1, 0)],
    &[(0, -1), (0, 0), (1, 0)],
    &[(0, -1), (0, 0), (1, -1), (1, 0)],
    &[(0, 0), (0, 1), (1, 0)],
];
const DIRECTIONS: [(i32, i32); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// Carves a square room with `side` rows, walls all around, and `goals` goals; `None` if the walk leaves less than one
/// square of floor beyond the goals.
pub(crate) fn carve(side: usize, goals: usize, rng: &mut impl Rng) -> Option<Room> {
    let inner = 1..side as i32 - 1;
    let mut walls = vec![true; side * side];
    let mut direction = DIRECTIONS[rng.random_range(0..4)];
    let (mut row, mut column) = (rng.random_range(inner.clone()), rng.random_range(inner.clone()));
    for _ in 0..17 * 2 * side / 10 {
        if rng.random_bool(TURN) {
            direction = DIRECTIONS[rng.random_range(0..4)];
        }
        row = (row + direction.0).clamp(inner.start, inner.end - 1);
        column = (column + direction.1).clamp(inner.start, inner.end - 1);
        for (down, right) in MASKS[rng.random_range(0..MASKS.len())] {
            let (row, column) = (row + down, column + right);
            if inner.contains(&row) && inner.contains(&column) {
                walls[row as usize * side + column as usize] = false;
            }
        }
    }
    let floor: Vec<usize> = (0..walls.len()).filter(|square| !walls[*square]).collect();
    if floor.len() < goals + 1 {
        return None;
    }
    let mut is_goal = vec![false; walls.len()];
    sample(rng, floor.len(), goals).into_iter().for_each(|i| is_goal[floor[i]] = true);
    Some(Room::new(side, side, walls, is_goal))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn rooms_are_closed_connected_and_have_their_goals() {
        for seed in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let room = carve(10, 4, &mut rng).expect("a long walk leaves enough floor");
            assert_eq!(room.goals().count(), 4);
            let floor: Vec<u16> = (0..100).filter(|square| !room.is_wall(*square)).collect();
            let edge = |square: u16| [0, 9].iter().any(|e| room.place(square).0 == *e || room.place(square).1 == *e);
            assert!(floor.iter().all(|square| !edge(*square)));
            let reachable = room.reachable(floor[0]);
            assert!(floor.iter().all(|square| reachable[*square as usize]), "seed {seed}");
        }
    }
}
