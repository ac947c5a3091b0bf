//! Errors of this crate: what was expected, what was found, and where.

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure to read or make levels, solutions or demonstrations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rows of a level make no playable level.
    #[error("{0}")]
    Level(#[from] LevelProblem),
    /// A character that names no move.
    #[error("expected a move 0, 1, 2 or 3, found {found:?}")]
    Action {
        /// The character.
        found: char,
    },
    /// A file is malformed.
    #[error("{file}: {place}: {problem}")]
    File {
        /// Name of the file.
        file: PathBuf,
        /// Line, level or byte.
        place: String,
        /// Expected and found.
        problem: String,
    },
    /// A file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A setting has a value that cannot be used.
    #[error("{setting}: {problem}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// Expected and found.
        problem: String,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Why the rows of a level make no playable level. Rows and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LevelProblem {
    /// No rows, or rows without squares.
    #[error("expected at least 3 rows and 3 columns, found {rows} and {columns}")]
    TooSmall {
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// More squares than a side may have.
    #[error("expected at most {limit} rows and columns, found {rows} and {columns}")]
    TooLarge {
        /// Largest number of rows and of columns.
        limit: usize,
        /// Number of rows.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// Rows of different lengths.
    #[error("ragged rows: expected {expected} squares as in row 1, found {found} in row {row}")]
    Ragged {
        /// The row.
        row: usize,
        /// Squares of the first row.
        expected: usize,
        /// Squares of this row.
        found: usize,
    },
    /// A character that stands for no square.
    #[error("row {row}, column {column}: expected one of `#@$. *+`, found {found:?}")]
    Character {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The character.
        found: char,
    },
    /// No player.
    #[error("expected one player (`@` or `+`), found none")]
    NoPlayer,
    /// A second player.
    #[error("expected one player, found another one at row {row}, column {column}")]
    SecondPlayer {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
    /// No boxes.
    #[error("expected at least one box (`$` or `*`), found none")]
    NoBoxes,
    /// Different numbers of boxes and goals.
    #[error("expected as many boxes as goals, found {boxes} boxes and {goals} goals")]
    Unequal {
        /// Number of boxes.
        boxes: usize,
        /// Number of goals.
        goals: usize,
    },
    /// A goal that the player can never reach.
    #[error("the goal at row {row}, column {column} cannot be reached: walls separate it from the player")]
    UnreachableGoal {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
    /// A box that the player can never reach.
    #[error("the box at row {row}, column {column} cannot be reached: walls separate it from the player")]
    UnreachableBox {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
    },
    /// More boxes and squares than a search can number in 64 bits.
    #[error("expected player and boxes that fit 64 bits, found {boxes} boxes on {squares} squares of floor")]
    TooManyStates {
        /// Number of boxes.
        boxes: usize,
        /// Number of squares of floor.
        squares: usize,
    },
}

impl Error {
    /// A malformed place of a file.
    pub fn file(file: impl Into<PathBuf>, place: impl Into<String>, problem: impl ToString) -> Self {
        Self::File { file: file.into(), place: place.into(), problem: problem.to_string() }
    }

    /// An I/O error at `path`, for use with `map_err`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// A setting whose value cannot be used.
    pub fn setting(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), problem: problem.into() }
    }
}
