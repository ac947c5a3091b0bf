//! A room: walls and goals, which stay where they are while a level is played.

use crate::moves::Move;

/// Number of a square: row · columns + column.
pub type Square = u16;

/// Largest number of rows and of columns of a room.
pub const MAX_SIDE: usize = 64;

/// Walls and goals of a level.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Room {
    rows: usize,
    columns: usize,
    /// Whether each square is a wall, `[rows · columns]`.
    walls: Vec<bool>,
    /// Whether each square is a goal, `[rows · columns]`; no wall is one.
    goals: Vec<bool>,
}

impl Room {
    /// A room from its walls and goals, `[rows · columns]` each.
    ///
    /// # Panics
    /// If the numbers of squares differ, a side is 0 or above [`MAX_SIDE`], or a goal is in a wall.
    pub fn new(rows: usize, columns: usize, walls: Vec<bool>, goals: Vec<bool>) -> Self {
        assert!((1..=MAX_SIDE).contains(&rows) && (1..=MAX_SIDE).contains(&columns), "{rows} x {columns}");
        assert!(walls.len() == rows * columns && goals.len() == rows * columns, "one value a square");
        assert!(walls.iter().zip(&goals).all(|(wall, goal)| !(*wall && *goal)), "no goal is in a wall");
        Self { rows, columns, walls, goals }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of squares, walls included.
    pub fn squares(&self) -> usize {
        self.walls.len()
    }

    /// Whether the square is a wall.
    pub fn is_wall(&self, square: Square) -> bool {
        self.walls[square as usize]
    }

    /// Whether the square is a goal.
    pub fn is_goal(&self, square: Square) -> bool {
        self.goals[square as usize]
    }

    /// The goals, ascending.
    pub fn goals(&self) -> impl Iterator<Item = Square> {
        self.goals.iter().enumerate().filter(|(_, goal)| **goal).map(|(square, _)| number(square))
    }

    /// Row and column of a square.
    pub fn place(&self, square: Square) -> (usize, usize) {
        (square as usize / self.columns, square as usize % self.columns)
    }

    /// The square at a row and column, or `None` outside the room.
    pub fn square(&self, row: i32, column: i32) -> Option<Square> {
        let inside = (0..self.rows as i32).contains(&row) && (0..self.columns as i32).contains(&column);
        inside.then(|| number(row as usize * self.columns + column as usize))
    }

    /// The square that a move leads to; `None` where a wall or the edge of the room is.
    pub fn neighbour(&self, square: Square, m: Move) -> Option<Square> {
        let ((row, column), (down, right)) = (self.place(square), m.step());
        self.square(row as i32 + down, column as i32 + right).filter(|next| !self.is_wall(*next))
    }

    /// Whether each square can be walked to from `start` if there were no boxes, `[rows · columns]`.
    pub fn reachable(&self, start: Square) -> Vec<bool> {
        let mut seen = vec![false; self.squares()];
        let mut open = vec![start];
        seen[start as usize] = true;
        while let Some(square) = open.pop() {
            for next in Move::ALL.into_iter().filter_map(|m| self.neighbour(square, m)) {
                if !std::mem::replace(&mut seen[next as usize], true) {
                    open.push(next);
                }
            }
        }
        seen
    }
}

/// A square from its index, which [`MAX_SIDE`] keeps far below the largest.
fn number(index: usize) -> Square {
    Square::try_from(index).expect("at most 4,096 squares")
}
