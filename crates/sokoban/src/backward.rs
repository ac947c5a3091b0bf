//! Exact backward search: from all solved states of a room by walks and pulls, to the optimal distance of every state.

use crate::error::{LevelProblem, Result};
use crate::floor::{Boxes, Floor, NONE};
use crate::level::State;
use crate::moves::{Move, MoveSet};
use crate::room::Room;
use crate::state_table::StateTable;

/// Bounds of a backward search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Largest number of states; a room with more within `moves` is given up.
    pub states: usize,
    /// Largest distance of a state, in moves.
    pub moves: usize,
}

/// Distances of the states of a room: the least number of moves, walks included, to a solved state.
///
/// The memory is kept from room to room.
#[derive(Debug)]
pub struct BackwardSearch {
    floor: Option<Floor>,
    /// Distance by code of a state.
    distances: StateTable,
    /// Codes of all states, by ascending distance.
    order: Vec<u64>,
    /// Where each distance starts in `order`, and last its length.
    starts: Vec<usize>,
}

impl Default for BackwardSearch {
    fn default() -> Self {
        Self { floor: None, distances: StateTable::new(), order: Vec::new(), starts: Vec::new() }
    }
}

impl BackwardSearch {
    /// Computes the distances of all states of a room within `bounds.moves`. Returns false if there are more than
    /// `bounds.states` of them; the distances are of no use then.
    ///
    /// # Errors
    /// A room without goals, or with more of them and more floor than a state code has room for.
    pub fn run(&mut self, room: &Room, bounds: Bounds) -> Result<bool> {
        let floor = Floor::new(room, |square| !room.is_wall(square))?;
        if floor.goals().is_empty() {
            return Err(LevelProblem::NoBoxes.into());
        }
        self.distances.clear();
        self.order.clear();
        self.starts.clear();
        let solved = floor.boxes_at(floor.goals());
        for player in (0..floor.len() as u16).filter(|cell| !solved.contains(*cell)) {
            let code = floor.code(player, &solved);
            self.distances.insert(code, 0);
            self.order.push(code);
        }
        self.starts.push(0);
        for distance in 1..=bounds.moves {
            let (first, end) = (self.starts[distance - 1], self.order.len());
            if first == end || end > bounds.states {
                break;
            }
            self.starts.push(end);
            for index in first..end {
                let code = self.order[index];
                predecessors(&floor, code, |before| {
                    if self.distances.insert(before, distance as u32) {
                        self.order.push(before);
                    }
                });
            }
        }
        self.starts.push(self.order.len());
        self.floor = Some(floor);
        Ok(self.order.len() <= bounds.states)
    }

    /// Number of states found.
    pub fn states(&self) -> usize {
        self.order.len()
    }

    /// Largest distance of a state.
    pub fn largest_distance(&self) -> usize {
        (0..self.starts.len().saturating_sub(1)).rev().find(|d| self.count(*d) > 0).unwrap_or(0)
    }

    /// Number of states at a distance.
    pub fn count(&self, distance: usize) -> usize {
        match self.starts.get(distance..distance + 2) {
            Some([first, end]) => end - first,
            _ => 0,
        }
    }

    /// State `index` of those at a distance.
    ///
    /// # Panics
    /// If there is no such state.
    pub fn state(&self, distance: usize, index: usize) -> State {
        assert!(index < self.count(distance), "state {index} at distance {distance}");
        self.floor().state(self.order[self.starts[distance] + index])
    }

    /// Least number of moves from a state to a solved one; `None` beyond the bound, and where there is no way.
    pub fn distance(&self, state: &State) -> Option<usize> {
        self.distances.get(self.floor().code_of(state)?).map(|distance| distance as usize)
    }

    /// All moves that come nearer to a solved state. Empty for solved states and for those without a distance.
    pub fn optimal_moves(&self, state: &State) -> MoveSet {
        let mut moves = MoveSet::default();
        let Some(code) = self.floor().code_of(state) else { return moves };
        let Some(distance) = self.distances.get(code) else { return moves };
        let boxes = self.floor().boxes(code);
        for m in Move::ALL {
            let after = successor(self.floor(), code, &boxes, m).and_then(|after| self.distances.get(after));
            if after.is_some_and(|after| after < distance) {
                moves.insert(m);
            }
        }
        moves
    }

    fn floor(&self) -> &Floor {
        self.floor.as_ref().expect("a search has run")
    }
}

/// Calls `found` with each state from which one move leads to the state `code`.
fn predecessors(floor: &Floor, code: u64, mut found: impl FnMut(u64)) {
    let (player, boxes) = (floor.player(code), floor.boxes(code));
    for m in Move::ALL {
        let from = floor.next(player, m.opposite());
        if from == NONE || boxes.contains(from) {
            continue;
        }
        found(floor.with_player(code, from));
        let ahead = floor.next(player, m);
        if ahead != NONE && boxes.contains(ahead) {
            // The player may also have pushed the box ahead from where the player is now.
            found(floor.code(from, &boxes.with_moved(ahead, player)));
        }
    }
}

/// The state after a move; `None` if the move changes nothing.
fn successor(floor: &Floor, code: u64, boxes: &Boxes, m: Move) -> Option<u64> {
    let to = floor.next(floor.player(code), m);
    if to == NONE {
        return None;
    }
    if !boxes.contains(to) {
        return Some(floor.with_player(code, to));
    }
    let behind = floor.next(to, m);
    let free = behind != NONE && !boxes.contains(behind);
    free.then(|| floor.code(to, &boxes.with_moved(to, behind)))
}
