//! A weight whose values stay in a file: products read its rows when they need them.

use std::fmt;
use std::ops::Range;

use candle_core::Result;

use crate::float_type::FloatType;

/// Reads the rows of a weight `[out, in]`. A product reads each row once; several threads may read at the same time.
pub trait RowReader: fmt::Debug + Send + Sync {
    /// `[out, in]`.
    fn dims(&self) -> [usize; 2];

    /// A type that has all values, in which products keep them for a moment.
    fn float_type(&self) -> FloatType;

    /// Fills `values`, `[rows, in]`, with the values of a range of rows.
    ///
    /// # Errors
    /// Rows that cannot be read, or values that are not finite.
    fn read(&self, rows: Range<usize>, values: &mut [f32]) -> Result<()>;

    /// Asks the system to read the file ahead of the products. Returns when it has begun to.
    fn read_ahead(&self);

    /// Gives the memory of rows that were read back to the system. Called after each product.
    fn release(&self);
}
