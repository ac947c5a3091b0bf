//! What a player sees: a state of a room as numbers for a model.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::level::State;
use crate::room::{Room, Square};
use crate::symmetry::Symmetry;

/// How a state becomes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// A window of (2n − 1) × (2n − 1) squares around the player, n = board − 2: for each square, row by row, one number
    /// each for wall, goal and box, 1 or 0. Outside the room is wall.
    Egocentric,
    /// The board as it lies: for each square, row by row, one number each for floor, wall, goal, box, box on a goal,
    /// player, and player on a goal, one of which is 1. Outside the room is wall.
    Absolute,
}

/// Encoding of the states of rooms of up to a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    encoding: Encoding,
    board: usize,
}

/// Numbers of one square in a window: wall, goal, box.
const SEEN: usize = 3;
/// Kinds of squares of the absolute encoding.
const KINDS: usize = 7;

impl Observation {
    /// An encoding for rooms with up to `board` rows and columns, the walls around them included.
    ///
    /// # Errors
    /// A board without room inside its walls, or larger than a level may be.
    pub fn new(encoding: Encoding, board: usize) -> Result<Self> {
        if !(3..=crate::room::MAX_SIDE).contains(&board) {
            return Err(Error::setting("board", format!("expected 3 to {}, found {board}", crate::room::MAX_SIDE)));
        }
        Ok(Self { encoding, board })
    }

    /// Number of rows and of columns of the window.
    fn window(self) -> usize {
        2 * (self.board - 2) - 1
    }

    /// Number of numbers of one state.
    pub fn width(self) -> usize {
        match self.encoding {
            Encoding::Egocentric => self.window().pow(2) * SEEN,
            Encoding::Absolute => self.board.pow(2) * KINDS,
        }
    }

    /// Checks that all of a room can be seen: it is not larger than the board, and the player cannot walk to its edge.
    ///
    /// # Errors
    /// The sizes that do not fit, as a sentence.
    pub fn check(self, room: &Room, player: Square) -> Result<(), String> {
        let (rows, columns) = (room.rows(), room.columns());
        if rows > self.board || columns > self.board {
            return Err(format!("expected at most {0} rows and {0} columns, found {rows} and {columns}", self.board));
        }
        let reachable = room.reachable(player);
        let at_edge = |square: Square| {
            let (row, column) = room.place(square);
            row == 0 || column == 0 || row + 1 == rows || column + 1 == columns
        };
        match (0..room.squares() as Square).find(|s| reachable[*s as usize] && at_edge(*s)).map(|s| room.place(s)) {
            Some((row, column)) => {
                Err(format!("expected walls all around, found none at row {}, column {}", row + 1, column + 1))
            }
            None => Ok(()),
        }
    }

    /// Writes the image of a state under a symmetry into `out`, `[width]`.
    ///
    /// # Panics
    /// If `out` has another length, or the room is larger than the board.
    pub fn write(self, room: &Room, state: &State, symmetry: Symmetry, out: &mut [f32]) {
        assert_eq!(out.len(), self.width(), "one number for each input of a model");
        out.fill(0.0);
        match self.encoding {
            Encoding::Egocentric => self.write_window(room, state, symmetry, out),
            Encoding::Absolute => self.write_board(room, state, symmetry, out),
        }
    }

    fn write_window(self, room: &Room, state: &State, symmetry: Symmetry, out: &mut [f32]) {
        let window = self.window();
        let reach = (window / 2) as i32;
        let (row, column) = room.place(state.player);
        for down in -reach..=reach {
            for right in -reach..=reach {
                let (to_row, to_column) = symmetry.step((down, right));
                let place = (to_row + reach) as usize * window + (to_column + reach) as usize;
                let square = room.square(row as i32 + down, column as i32 + right).filter(|s| !room.is_wall(*s));
                match square {
                    None => out[place * SEEN] = 1.0,
                    Some(square) if room.is_goal(square) => out[place * SEEN + 1] = 1.0,
                    Some(_) => {}
                }
            }
        }
        for square in &state.boxes {
            let (box_row, box_column) = room.place(*square);
            let step = (box_row as i32 - row as i32, box_column as i32 - column as i32);
            let (to_row, to_column) = symmetry.step(step);
            let place = (to_row + reach) as usize * window + (to_column + reach) as usize;
            out[place * SEEN + 2] = 1.0;
        }
    }

    fn write_board(self, room: &Room, state: &State, symmetry: Symmetry, out: &mut [f32]) {
        const WALL: usize = 1;
        (0..self.board.pow(2)).for_each(|place| out[place * KINDS + WALL] = 1.0);
        let image = symmetry.room(room);
        for square in 0..room.squares() as Square {
            let goal = room.is_goal(square);
            let kind = if room.is_wall(square) {
                WALL
            } else if state.boxes.binary_search(&square).is_ok() {
                3 + usize::from(goal)
            } else if square == state.player {
                5 + usize::from(goal)
            } else {
                2 * usize::from(goal)
            };
            let (row, column) = image.place(symmetry.square(room, square));
            let place = (row * self.board + column) * KINDS;
            out[place + WALL] = 0.0;
            out[place + kind] = 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Level;

    fn level() -> Level {
        Level::parse(&["#####", "#@ .#", "# $ #", "#   #", "#####"]).expect("a level")
    }

    fn observe(encoding: Encoding, level: &Level, symmetry: Symmetry) -> Vec<f32> {
        let observation = Observation::new(encoding, 5).expect("a board");
        let mut out = vec![f32::NAN; observation.width()];
        observation.write(&level.room, &level.start, symmetry, &mut out);
        out
    }

    #[test]
    fn the_window_shows_walls_goals_and_boxes_around_the_player() {
        let seen = observe(Encoding::Egocentric, &level(), Symmetry::IDENTITY);
        let channel = |c: usize| seen.chunks(SEEN).map(|s| s[c] as u8).collect::<Vec<_>>();
        #[rustfmt::skip]
        assert_eq!(channel(0), [
            1, 1, 1, 1, 1,
            1, 1, 1, 1, 1,
            1, 1, 0, 0, 0,
            1, 1, 0, 0, 0,
            1, 1, 0, 0, 0,
        ]);
        assert_eq!(channel(1).iter().position(|v| *v == 1), Some(2 * 5 + 4), "the goal, two to the right");
        assert_eq!(channel(2).iter().position(|v| *v == 1), Some(3 * 5 + 3), "the box, one down and one to the right");
        assert_eq!(channel(1).iter().sum::<u8>() + channel(2).iter().sum::<u8>(), 2);
    }

    #[test]
    fn widths_are_those_of_the_boards() {
        let width = |encoding, board| Observation::new(encoding, board).expect("a board").width();
        assert_eq!((width(Encoding::Egocentric, 8), width(Encoding::Egocentric, 10)), (363, 675));
        assert_eq!(width(Encoding::Absolute, 10), 700);
        assert!(Observation::new(Encoding::Egocentric, 2).is_err());
    }

    #[test]
    fn a_symmetry_of_the_observation_is_the_observation_of_the_image() {
        for encoding in [Encoding::Egocentric, Encoding::Absolute] {
            let mut all = std::collections::BTreeSet::new();
            for symmetry in Symmetry::all() {
                let seen = observe(encoding, &level(), symmetry);
                assert_eq!(seen, observe(encoding, &symmetry.level(&level()), Symmetry::IDENTITY), "{symmetry:?}");
                all.insert(seen.iter().map(|v| *v as u8).collect::<Vec<_>>());
            }
            assert_eq!(all.len(), Symmetry::COUNT);
        }
    }

    #[test]
    fn the_board_names_the_kind_of_each_square() {
        let level = Level::parse(&["######", "#+*$ #", "######"]).expect("a level");
        let observation = Observation::new(Encoding::Absolute, 6).expect("a board");
        let mut out = vec![0.0; observation.width()];
        observation.write(&level.room, &level.start, Symmetry::IDENTITY, &mut out);
        let kinds: Vec<usize> =
            out.chunks(KINDS).map(|kinds| kinds.iter().position(|v| *v == 1.0).expect("one kind")).collect();
        assert_eq!(kinds[6..12], [1, 6, 4, 3, 0, 1]);
        assert!(kinds[18..].iter().all(|kind| *kind == 1) && out.iter().sum::<f32>() == 36.0);
    }

    #[test]
    fn rooms_that_cannot_be_seen_whole_are_refused() {
        let observation = Observation::new(Encoding::Egocentric, 5).expect("a board");
        let check = |rows: &[&str]| {
            let level = Level::parse(rows).expect("a level");
            observation.check(&level.room, level.start.player)
        };
        assert_eq!(check(&["#####", "#@$.#", "#####"]), Ok(()));
        assert!(check(&["######", "#@$. #", "######"]).expect_err("is too wide").contains("found 3 and 6"));
        let open = check(&["#####", "#@$. ", "#####"]).expect_err("is open");
        assert_eq!(open, "expected walls all around, found none at row 2, column 5");
    }
}
