//! The eight symmetries of a square: how they act on steps, moves and levels.

use std::sync::Arc;

use crate::level::{Level, State};
use crate::moves::{Move, MoveSet};
use crate::room::{Room, Square};

/// A rotation or reflection: rows are reversed, then columns, then rows and columns change places, each or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symmetry {
    reverses_rows: bool,
    reverses_columns: bool,
    transposes: bool,
}

impl Symmetry {
    /// Number of symmetries.
    pub const COUNT: usize = 8;
    /// The symmetry that leaves everything as it is.
    pub const IDENTITY: Self = Self { reverses_rows: false, reverses_columns: false, transposes: false };

    /// All symmetries, the identity first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self::new)
    }

    /// The symmetry of a number; numbers beyond 7 start again at the identity.
    pub fn new(index: usize) -> Self {
        let bit = |i: usize| index >> i & 1 == 1;
        Self { reverses_rows: bit(0), reverses_columns: bit(1), transposes: bit(2) }
    }

    /// Image of a change of row and column.
    pub fn step(self, (row, column): (i32, i32)) -> (i32, i32) {
        let row = if self.reverses_rows { -row } else { row };
        let column = if self.reverses_columns { -column } else { column };
        if self.transposes { (column, row) } else { (row, column) }
    }

    /// Image of a move.
    pub fn apply(self, m: Move) -> Move {
        Move::from_step(self.step(m.step())).expect("a symmetry takes neighbours to neighbours")
    }

    /// Images of the moves of a set.
    pub fn apply_set(self, moves: MoveSet) -> MoveSet {
        let mut image = MoveSet::default();
        moves.iter().for_each(|m| image.insert(self.apply(m)));
        image
    }

    /// Image of a row and column of a room with that many rows and columns.
    fn place(self, (row, column): (usize, usize), rows: usize, columns: usize) -> (usize, usize) {
        let row = if self.reverses_rows { rows - 1 - row } else { row };
        let column = if self.reverses_columns { columns - 1 - column } else { column };
        if self.transposes { (column, row) } else { (row, column) }
    }

    /// Rows and columns of the image of a room with that many rows and columns.
    fn sides(self, rows: usize, columns: usize) -> (usize, usize) {
        if self.transposes { (columns, rows) } else { (rows, columns) }
    }

    /// Image of a square of a room.
    pub fn square(self, room: &Room, square: Square) -> Square {
        let (row, column) = self.place(room.place(square), room.rows(), room.columns());
        (row * self.sides(room.rows(), room.columns()).1 + column) as Square
    }

    /// Image of a room.
    pub fn room(self, room: &Room) -> Room {
        let (rows, columns) = self.sides(room.rows(), room.columns());
        let (mut walls, mut goals) = (vec![false; room.squares()], vec![false; room.squares()]);
        for square in 0..room.squares() as Square {
            let image = self.square(room, square) as usize;
            (walls[image], goals[image]) = (room.is_wall(square), room.is_goal(square));
        }
        Room::new(rows, columns, walls, goals)
    }

    /// Image of a level.
    pub fn level(self, level: &Level) -> Level {
        let mut boxes: Vec<Square> = level.start.boxes.iter().map(|b| self.square(&level.room, *b)).collect();
        boxes.sort_unstable();
        let player = self.square(&level.room, level.start.player);
        Level { room: Arc::new(self.room(&level.room)), start: State { player, boxes } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::make_move;

    #[test]
    fn a_quarter_turn_is_drawn_by_hand() {
        let level = Level::parse(&["#####", "#@$.#", "#  ##", "#####"]).expect("a level");
        let turned = Symmetry { reverses_rows: true, reverses_columns: false, transposes: true }.level(&level);
        assert_eq!(turned.rows(), ["####", "# @#", "# $#", "##.#", "####"], "clockwise");
    }

    #[test]
    fn the_symmetries_differ_and_commute_with_the_moves() {
        let level = Level::parse(&["######", "#@ $.#", "# $ ##", "#  .##", "######"]).expect("a level");
        let images: std::collections::BTreeSet<_> = Symmetry::all().map(|s| s.level(&level).rows()).collect();
        assert_eq!(images.len(), Symmetry::COUNT);
        for symmetry in Symmetry::all() {
            let image = symmetry.level(&level);
            let (mut state, mut other) = (level.start.clone(), image.start.clone());
            for m in [Move::Down, Move::Right, Move::Down, Move::Right, Move::Up, Move::Left, Move::Up, Move::Right] {
                let effect = make_move(&level.room, &mut state, m);
                assert_eq!(make_move(&image.room, &mut other, symmetry.apply(m)), effect);
                let moved = Level { room: Arc::clone(&level.room), start: state.clone() };
                assert_eq!(symmetry.level(&moved).start, other);
            }
        }
    }
}
