//! The error type of this crate: one variant for each condition, sorted into a few kinds.
//!
//! Every message names what was expected and what was found, so that a caller only has to add the name of the tensor.

/// An error in a matrix, a decomposition or a rank.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// The number of elements does not fit the shape.
    #[error("a {rows} x {cols} matrix does not have {found} elements")]
    Shape {
        /// Number of rows of the shape.
        rows: usize,
        /// Number of columns of the shape.
        cols: usize,
        /// Number of elements given.
        found: usize,
    },
    /// A matrix entry is NaN or infinite.
    #[error("the entry at row {row}, column {col} is {value}, expected a finite number")]
    NotFinite {
        /// Row of the first such entry.
        row: usize,
        /// Column of the first such entry.
        col: usize,
        /// The entry.
        value: f32,
    },
    /// A matrix computed from one with finite entries has an entry beyond the range of f32.
    #[error("reduced to rank {rank}, it has {value} at row {row}, column {col}: its values are too large for f32")]
    Overflow {
        /// Rank of the computed matrix.
        rank: usize,
        /// Row of the first such entry.
        row: usize,
        /// Column of the first such entry.
        col: usize,
        /// The entry.
        value: f32,
    },
    /// None of the solvers converged on this matrix.
    #[error("neither the Gram nor the bidiagonal decomposition of the {rows} x {cols} matrix converged")]
    NoConvergence {
        /// Number of rows of the matrix.
        rows: usize,
        /// Number of columns of the matrix.
        cols: usize,
    },
    /// A rank is above the largest possible one.
    #[error("rank {rank} is above {max}, the maximum rank of a {rows} x {cols} matrix")]
    RankTooLarge {
        /// Rank asked for.
        rank: usize,
        /// Largest possible rank, min(rows, cols).
        max: usize,
        /// Number of rows of the matrix.
        rows: usize,
        /// Number of columns of the matrix.
        cols: usize,
    },
    /// The input vectors do not have one value for each column of the matrix.
    #[error("inputs of {found} values each, expected {expected}")]
    InputSize {
        /// Number of columns of the matrix.
        expected: usize,
        /// Number of values in each input vector.
        found: usize,
    },
    /// The number of clusters is 0 or above the number of rows.
    #[error("{clusters} clusters of rows, expected 1 to {rows}, the number of rows")]
    Clusters {
        /// Number of clusters asked for.
        clusters: usize,
        /// Number of rows of the matrix.
        rows: usize,
    },
    /// A text is not a rank, a fraction or a rate.
    #[error("cannot read {text:?} as {expected}: {reason}")]
    Syntax {
        /// The text as given.
        text: String,
        /// Description of the expected text.
        expected: &'static str,
        /// The rule that the text breaks.
        reason: &'static str,
    },
    /// A rank rule needs the singular values, but none were given.
    #[error("the rank rule {rule} needs the singular values, and none were given")]
    SpectrumMissing {
        /// The rule in its short form, for example `e0.9`.
        rule: String,
    },
    /// The number of singular values does not fit the shape.
    #[error("a {rows} x {cols} matrix has {expected} singular values, found {found}")]
    SpectrumLength {
        /// Number of rows of the matrix.
        rows: usize,
        /// Number of columns of the matrix.
        cols: usize,
        /// Number of singular values such a matrix has, min(rows, cols).
        expected: usize,
        /// Number of singular values given.
        found: usize,
    },
    /// A singular value is negative, not finite, or larger than the one before it.
    #[error("singular value {index} is {value}, expected a finite number from 0 up to the one before it")]
    SpectrumValue {
        /// Position of the value, counted from 0.
        index: usize,
        /// The value.
        value: f64,
    },
}

/// The kind of a [`LinalgError`], for callers that treat errors alike within a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinalgErrorKind {
    /// A shape, a length, a rank or a count does not fit the matrix.
    Size,
    /// A matrix entry or a singular value is not allowed, for example NaN.
    Value,
    /// The iterative solvers did not converge.
    NoConvergence,
    /// A text cannot be read as a rank rule, a fraction or a rate.
    Syntax,
    /// The singular values were needed and not given.
    Missing,
}

impl LinalgError {
    /// Returns the kind of this error.
    #[must_use]
    pub fn kind(&self) -> LinalgErrorKind {
        match self {
            Self::Shape { .. }
            | Self::RankTooLarge { .. }
            | Self::InputSize { .. }
            | Self::Clusters { .. }
            | Self::SpectrumLength { .. } => LinalgErrorKind::Size,
            Self::NotFinite { .. } | Self::Overflow { .. } | Self::SpectrumValue { .. } => LinalgErrorKind::Value,
            Self::NoConvergence { .. } => LinalgErrorKind::NoConvergence,
            Self::Syntax { .. } => LinalgErrorKind::Syntax,
            Self::SpectrumMissing { .. } => LinalgErrorKind::Missing,
        }
    }
}
