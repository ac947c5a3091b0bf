//! The four moves of the player.

use crate::error::{Error, Result};

/// A move of the player by one square. Its number is that of A* solution files and of a model's actions: 0 up, 1 down,
/// 2 left, 3 right (gym-sokoban counts the same four from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Move {
    /// To the row above.
    Up,
    /// To the row below.
    Down,
    /// To the column on the left.
    Left,
    /// To the column on the right.
    Right,
}

impl Move {
    /// All moves, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Up, Self::Down, Self::Left, Self::Right];

    /// Number of the move, 0 to 3.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The move of a number, `None` beyond 3.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// The move of a letter of a file of solutions.
    ///
    /// # Errors
    /// A letter other than `0`, `1`, `2` and `3`.
    pub fn from_digit(digit: char) -> Result<Self> {
        let index = digit.to_digit(4).ok_or(Error::Action { found: digit })?;
        Ok(Self::ALL[index as usize])
    }

    /// The move back.
    pub fn opposite(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// Change of row and column.
    pub fn step(self) -> (i32, i32) {
        match self {
            Self::Up => (-1, 0),
            Self::Down => (1, 0),
            Self::Left => (0, -1),
            Self::Right => (0, 1),
        }
    }

    /// The move that changes row and column by `step`, if there is one.
    pub fn from_step(step: (i32, i32)) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.step() == step)
    }

    /// An arrow for the terminal.
    pub fn arrow(self) -> char {
        ['↑', '↓', '←', '→'][self.index()]
    }
}

/// A set of moves, such as all optimal ones of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct MoveSet(u8);

impl MoveSet {
    /// The set of the four low bits; bit i stands for move i.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & 15)
    }

    /// The four bits.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Adds a move.
    pub fn insert(&mut self, m: Move) {
        self.0 |= 1 << m.index();
    }

    /// Whether the set has the move.
    pub fn contains(self, m: Move) -> bool {
        self.0 >> m.index() & 1 == 1
    }

    /// Number of moves.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether no move is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The moves, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Move> {
        Move::ALL.into_iter().filter(move |m| self.contains(*m))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_letters_and_steps_name_the_same_moves() {
        for (index, m) in Move::ALL.into_iter().enumerate() {
            assert_eq!((m.index(), Move::from_index(index)), (index, Some(m)));
            let digit = char::from_digit(index as u32, 10).expect("a digit");
            assert_eq!(Move::from_digit(digit).expect("a move"), m);
            let (row, column) = m.step();
            assert_eq!(Move::from_step((-row, -column)), Some(m.opposite()));
        }
        assert_eq!(Move::from_index(4), None);
        assert_eq!(Move::from_digit('4').expect_err("no move").to_string(), "expected a move 0, 1, 2 or 3, found '4'");
    }

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let mut set = MoveSet::default();
        assert!(set.is_empty());
        set.insert(Move::Right);
        set.insert(Move::Up);
        assert_eq!((set.len(), set.bits()), (2, 0b1001));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Move::Up, Move::Right]);
    }
}
