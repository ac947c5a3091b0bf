//! The squares that a search deals with, numbered without gaps, and their neighbours.

use crate::error::{LevelProblem, Result};
use crate::level::State;
use crate::moves::Move;
use crate::room::{Room, Square};

/// Number of a square of floor.
pub(crate) type Cell = u16;
/// No square: a wall or the edge.
pub(crate) const NONE: Cell = Cell::MAX;
/// Largest number of boxes whose places fit a code.
pub(crate) const MAX_BOXES: usize = 31;

/// Squares of floor, and codes of the states on them.
///
/// A code has the player's cell in its lowest bits and above it the cells of the boxes, ascending; it never has its
/// highest bit set.
#[derive(Debug, Clone)]
pub(crate) struct Floor {
    /// Square of each cell.
    squares: Vec<Square>,
    /// Cell of each square of the room; [`NONE`] for squares outside the floor.
    cells: Vec<Cell>,
    /// The cells that the four moves lead to, or [`NONE`].
    next: Vec<[Cell; 4]>,
    goals: Vec<Cell>,
    /// Bits of one cell in a code.
    bits: u32,
    boxes: usize,
}

/// Cells of the boxes of one state, ascending.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boxes {
    cells: [Cell; MAX_BOXES],
    len: usize,
}

impl Boxes {
    pub(crate) fn as_slice(&self) -> &[Cell] {
        &self.cells[..self.len]
    }

    pub(crate) fn contains(&self, cell: Cell) -> bool {
        self.as_slice().contains(&cell)
    }

    /// The boxes after the one at `from` has moved to `to`.
    pub(crate) fn with_moved(mut self, from: Cell, to: Cell) -> Self {
        let boxes = &mut self.cells[..self.len];
        let mut at = boxes.iter().position(|cell| *cell == from).expect("there is a box");
        boxes[at] = to;
        while at > 0 && boxes[at - 1] > boxes[at] {
            boxes.swap(at - 1, at);
            at -= 1;
        }
        while at + 1 < boxes.len() && boxes[at + 1] < boxes[at] {
            boxes.swap(at, at + 1);
            at += 1;
        }
        self
    }
}

impl Floor {
    /// Numbers the squares of `room` for which `is_floor` holds.
    ///
    /// # Errors
    /// States that do not fit 63 bits.
    pub(crate) fn new(room: &Room, is_floor: impl Fn(Square) -> bool) -> Result<Self, LevelProblem> {
        let squares: Vec<Square> = (0..room.squares() as Square).filter(|s| is_floor(*s)).collect();
        let mut cells = vec![NONE; room.squares()];
        squares.iter().enumerate().for_each(|(cell, square)| cells[*square as usize] = cell as Cell);
        let neighbour = |square: Square, m| room.neighbour(square, m).map_or(NONE, |next| cells[next as usize]);
        let next = squares.iter().map(|square| Move::ALL.map(|m| neighbour(*square, m))).collect();
        let goals: Vec<Cell> = room.goals().map(|goal| cells[goal as usize]).filter(|goal| *goal != NONE).collect();
        let bits = usize::BITS - squares.len().saturating_sub(1).leading_zeros();
        let bits = bits.max(1);
        if goals.len() > MAX_BOXES || (goals.len() as u32 + 1) * bits > 63 {
            return Err(LevelProblem::TooManyStates { boxes: goals.len(), squares: squares.len() });
        }
        Ok(Self { boxes: goals.len(), squares, cells, next, goals, bits })
    }

    /// Number of cells.
    pub(crate) fn len(&self) -> usize {
        self.squares.len()
    }

    /// The goals, ascending.
    pub(crate) fn goals(&self) -> &[Cell] {
        &self.goals
    }

    /// The cell that a move leads to, or [`NONE`].
    pub(crate) fn next(&self, cell: Cell, m: Move) -> Cell {
        self.next[cell as usize][m.index()]
    }

    /// The cell of a square, or [`NONE`].
    pub(crate) fn cell(&self, square: Square) -> Cell {
        self.cells[square as usize]
    }

    fn cell_mask(&self) -> u64 {
        (1 << self.bits) - 1
    }

    /// Code of a state.
    pub(crate) fn code(&self, player: Cell, boxes: &Boxes) -> u64 {
        let add = |code: u64, cell: &Cell| code << self.bits | u64::from(*cell);
        boxes.as_slice().iter().rev().fold(0, add) << self.bits | u64::from(player)
    }

    /// The same code with another place of the player.
    pub(crate) fn with_player(&self, code: u64, player: Cell) -> u64 {
        code & !self.cell_mask() | u64::from(player)
    }

    /// The player's cell of a code.
    pub(crate) fn player(&self, code: u64) -> Cell {
        (code & self.cell_mask()) as Cell
    }

    /// Cells of the boxes of a code.
    pub(crate) fn boxes(&self, code: u64) -> Boxes {
        let mut boxes = Boxes { cells: [0; MAX_BOXES], len: self.boxes };
        let mut rest = code >> self.bits;
        for cell in &mut boxes.cells[..self.boxes] {
            *cell = (rest & self.cell_mask()) as Cell;
            rest >>= self.bits;
        }
        boxes
    }

    /// Boxes from a list of cells, ascending, one for each goal.
    pub(crate) fn boxes_at(&self, cells: &[Cell]) -> Boxes {
        let mut boxes = Boxes { cells: [0; MAX_BOXES], len: self.boxes };
        boxes.cells[..self.boxes].copy_from_slice(cells);
        boxes
    }

    /// Code of a state of the room; `None` if something stands outside the floor or there are fewer or more boxes than
    /// goals.
    pub(crate) fn code_of(&self, state: &State) -> Option<u64> {
        let cells: Vec<Cell> = state.boxes.iter().map(|square| self.cell(*square)).collect();
        let player = self.cell(state.player);
        let known = cells.len() == self.boxes && player != NONE && !cells.contains(&NONE);
        known.then(|| self.code(player, &self.boxes_at(&cells)))
    }

    /// The state of a code.
    pub(crate) fn state(&self, code: u64) -> State {
        let square = |cell: Cell| self.squares[cell as usize];
        let boxes = self.boxes(code).as_slice().iter().map(|cell| square(*cell)).collect();
        State { player: square(self.player(code)), boxes }
    }
}
