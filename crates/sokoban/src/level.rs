//! A level: a room with the places of boxes and player; its text form.

use std::sync::Arc;

use crate::error::{LevelProblem, Result};
use crate::room::{MAX_SIDE, Room, Square};

/// Places of player and boxes in a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Square of the player.
    pub player: Square,
    /// Squares of the boxes, ascending.
    pub boxes: Vec<Square>,
}

/// A room with a state to start from. There are as many boxes as goals, and the player can reach all of them if boxes do
/// not stand in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Walls and goals.
    pub room: Arc<Room>,
    /// Player and boxes at the start.
    pub start: State,
}

impl Level {
    /// A level from its rows, in the usual letters: `#` wall, `@` player, `$` box, `.` goal, space floor, `*` box on a
    /// goal, `+` player on a goal.
    ///
    /// # Errors
    /// Rows that make no playable level (see [`LevelProblem`]).
    pub fn parse<T: AsRef<str>>(rows: &[T]) -> Result<Self> {
        let columns = rows.first().map_or(0, |row| row.as_ref().chars().count());
        if rows.len() < 3 || columns < 3 {
            return Err(LevelProblem::TooSmall { rows: rows.len(), columns }.into());
        }
        if rows.len() > MAX_SIDE || columns > MAX_SIDE {
            return Err(LevelProblem::TooLarge { limit: MAX_SIDE, rows: rows.len(), columns }.into());
        }
        let (mut walls, mut goals) = (Vec::new(), Vec::new());
        let (mut boxes, mut player) = (Vec::new(), None);
        for (row, text) in rows.iter().enumerate() {
            let found = text.as_ref().chars().count();
            if found != columns {
                return Err(LevelProblem::Ragged { row: row + 1, expected: columns, found }.into());
            }
            for (column, letter) in text.as_ref().chars().enumerate() {
                let square = (row * columns + column) as Square;
                let (row, column) = (row + 1, column + 1);
                if !"#@$. *+".contains(letter) {
                    return Err(LevelProblem::Character { row, column, found: letter }.into());
                }
                walls.push(letter == '#');
                goals.push(".*+".contains(letter));
                if "$*".contains(letter) {
                    boxes.push(square);
                }
                if "@+".contains(letter) && player.replace(square).is_some() {
                    return Err(LevelProblem::SecondPlayer { row, column }.into());
                }
            }
        }
        let player = player.ok_or(LevelProblem::NoPlayer)?;
        let room = Room::new(rows.len(), columns, walls, goals);
        let level = Self { room: Arc::new(room), start: State { player, boxes } };
        level.check()?;
        Ok(level)
    }

    /// Checks the numbers and places of boxes and goals.
    fn check(&self) -> Result<(), LevelProblem> {
        let (room, boxes) = (&self.room, &self.start.boxes);
        if boxes.is_empty() {
            return Err(LevelProblem::NoBoxes);
        }
        if room.goals().count() != boxes.len() {
            return Err(LevelProblem::Unequal { boxes: boxes.len(), goals: room.goals().count() });
        }
        let reachable = room.reachable(self.start.player);
        let place = |square: Square| {
            let (row, column) = room.place(square);
            (row + 1, column + 1)
        };
        if let Some((row, column)) = room.goals().find(|goal| !reachable[*goal as usize]).map(place) {
            return Err(LevelProblem::UnreachableGoal { row, column });
        }
        match boxes.iter().copied().find(|square| !reachable[*square as usize]).map(place) {
            Some((row, column)) => Err(LevelProblem::UnreachableBox { row, column }),
            None => Ok(()),
        }
    }

    /// The rows of the level, in the letters of [`Level::parse`].
    pub fn rows(&self) -> Vec<String> {
        draw(&self.room, &self.start)
    }
}

/// A state of a room as rows of text, in the letters of [`Level::parse`].
pub fn draw(room: &Room, state: &State) -> Vec<String> {
    let letter = |square: usize| {
        let square = square as Square;
        let (boxed, player, goal) =
            (state.boxes.binary_search(&square).is_ok(), state.player == square, room.is_goal(square));
        match (room.is_wall(square), boxed, player, goal) {
            (true, ..) => '#',
            (_, true, _, true) => '*',
            (_, true, _, false) => '$',
            (_, _, true, true) => '+',
            (_, _, true, false) => '@',
            (_, _, _, true) => '.',
            _ => ' ',
        }
    };
    let row = |row: usize| (row * room.columns()..(row + 1) * room.columns()).map(letter).collect();
    (0..room.rows()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(rows: &[&str]) -> String {
        Level::parse(rows).expect_err("is refused").to_string()
    }

    #[test]
    fn a_level_is_read_and_drawn_with_all_letters() {
        let rows = ["########", "#@ $ . #", "# *  $.#", "########"];
        let level = Level::parse(&rows).expect("a level");
        assert_eq!(level.rows(), rows);
        assert_eq!((level.start.player, level.start.boxes.as_slice()), (9, &[11, 18, 21][..]));
        assert_eq!(level.room.goals().collect::<Vec<_>>(), [13, 18, 22]);
        let on_goal = ["#####", "#+$ #", "#####"];
        assert_eq!(Level::parse(&on_goal).expect("a level").rows(), on_goal);
    }

    #[test]
    fn every_problem_is_named() {
        for (rows, expected) in [
            (&[][..], "expected at least 3 rows and 3 columns, found 0 and 0"),
            (&["##", "##", "##"], "expected at least 3 rows and 3 columns, found 3 and 2"),
            (&["#####", "#@$.", "#####"], "ragged rows: expected 5 squares as in row 1, found 4 in row 2"),
            (&["#####", "#@$x#", "#####"], "row 2, column 4: expected one of `#@$. *+`, found 'x'"),
            (&["#####", "# $.#", "#####"], "expected one player (`@` or `+`), found none"),
            (&["#####", "#@$+#", "#####"], "expected one player, found another one at row 2, column 4"),
            (&["#####", "#@  #", "#####"], "expected at least one box (`$` or `*`), found none"),
            (&["#####", "#@$ #", "#####"], "expected as many boxes as goals, found 1 boxes and 0 goals"),
            (
                &["#######", "#@$ #.#", "#######"],
                "the goal at row 2, column 6 cannot be reached: walls separate it from the player",
            ),
            (
                &["#######", "#@. #$#", "#######"],
                "the box at row 2, column 6 cannot be reached: walls separate it from the player",
            ),
        ] {
            assert_eq!(problem(rows), expected);
        }
        let wide = "#".repeat(65);
        assert_eq!(problem(&[&wide, &wide, &wide]), "expected at most 64 rows and columns, found 3 and 65");
    }
}
