//! What can go wrong with a matrix, a decomposition or a rank.
//!
//! Every message names what was expected and what was found, so that a caller only has to add
//! which tensor it was working on.

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// The data do not fill the shape.
    #[error("a {rows} x {cols} matrix does not have {found} elements")]
    Shape {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        cols: usize,
        /// Length of the data given.
        found: usize,
    },
    /// A NaN or an infinity among the entries.
    #[error("the entry at row {row}, column {col} is {value}, expected a finite number")]
    NotFinite {
        /// Row of the first such entry.
        row: usize,
        /// Column of the first such entry.
        col: usize,
        /// The entry.
        value: f32,
    },
    /// Every solver gave up on this matrix.
    #[error("neither the Gram nor the bidiagonal decomposition of the {rows} x {cols} matrix converged")]
    NoConvergence {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },
    /// A rank above the largest possible one.
    #[error("rank {rank} is above {max}, the maximum rank of a {rows} x {cols} matrix")]
    RankTooLarge {
        /// Rank asked for.
        rank: usize,
        /// min(rows, cols).
        max: usize,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
    },
    /// Inputs of another size than the matrix has columns.
    #[error("inputs of {found} values each, expected {expected}")]
    InputSize {
        /// Columns of the matrix.
        expected: usize,
        /// Values of an input.
        found: usize,
    },
    /// More clusters than rows, or none.
    #[error("{clusters} clusters of rows, expected 1 to {rows}, the number of rows")]
    Clusters {
        /// Clusters asked for.
        clusters: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// Text that is not a rank, a fraction or a rate.
    #[error("cannot read {text:?} as {expected}: {reason}")]
    Syntax {
        /// The text as given.
        text: String,
        /// What it should have been.
        expected: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A rule that depends on the singular values was resolved without them.
    #[error("the rank rule {rule} needs the singular values, and none were given")]
    SpectrumMissing {
        /// The rule in its short form.
        rule: String,
    },
    /// The number of singular values does not fit the shape.
    #[error("a {rows} x {cols} matrix has {expected} singular values, found {found}")]
    SpectrumLength {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        cols: usize,
        /// min(rows, cols).
        expected: usize,
        /// Singular values given.
        found: usize,
    },
    /// A singular value that is negative, not finite, or larger than the one before it.
    #[error("singular value {index} is {value}, expected a finite number from 0 up to the one before it")]
    SpectrumValue {
        /// Position, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
}
