//! Reads Parquet: takes the bytes of a file, gives its records as JSON objects.
//!
//! A reader of our own, because the `parquet` crate has open reports of panics and unbounded allocations on malformed
//! files, and brings fifty other crates. It reads what `pyarrow` writes by default, as the data sets on the Hugging
//! Face Hub are written: plain and dictionary encoding, data pages of version 1 and 2, no compression, Snappy and
//! Zstandard, any nesting. Everything else is rejected by name. Dates and times stay the stored numbers; infinities and
//! NaN, which JSON does not have, become null. (<https://parquet.apache.org/docs/file-format/>)
//!
//! The way of the data: [`footer`] (with [`thrift`] and [`schema`]) finds the columns of each row group, [`column`]
//! decodes the pages of one column (with [`mod@page`], [`rle`] and [`values`], within a memory [`budget`]), and [`assemble`]
//! puts the columns together into records. [`texts`] reads one column of texts page by page, for files that are larger than
//! the memory.

mod assemble;
mod budget;
mod bytes;
mod column;
mod footer;
mod page;
mod rle;
mod schema;
mod texts;
mod thrift;
mod values;

use super::record::RecordLocation;
use super::record_collector::RecordCollector;
use crate::error::{Error, Result};
use budget::Budget;
pub use texts::{ParquetText, ParquetTexts};

/// First and last bytes of a file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Reads all records of `file`.
///
/// # Errors
/// The file is malformed, uses an unsupported feature, or decodes to too many bytes. Malformed files are rejected as a
/// whole, because a damaged column shifts the values of all later records.
pub(super) fn read(file: &[u8], collector: &mut RecordCollector) -> Result<()> {
    read_groups(file, collector).map_err(|error| Error::Task {
        file: collector.file.display().to_string(),
        place: error.place,
        problem: error.problem,
    })
}

/// Reads all row groups, one after another.
fn read_groups(file: &[u8], collector: &mut RecordCollector) -> Result<(), ParquetError> {
    let mut budget = Budget::of(file.len() as u64);
    let footer = footer::read(file)?;
    let mut record = 0;
    for group in &footer.groups {
        let leaves = footer.schema.leaves.iter().zip(&group.chunks);
        let columns: Vec<_> = leaves
            .map(|(leaf, chunk)| {
                let column = column::read(file, chunk, leaf, &mut budget);
                column.map_err(|problem| ParquetError { place: format!("column `{}`", leaf.path), problem })
            })
            .collect::<Result<_, _>>()?;
        let mut columns = assemble::Columns::new(&footer.schema, columns);
        for _ in 0..group.rows {
            let location = RecordLocation::Record(record);
            let fields = columns.record().map_err(|e| ParquetError { place: location.to_string(), ..e })?;
            collector.add(location, fields);
            record += 1;
        }
        columns.finish()?;
    }
    Ok(())
}

/// A malformed or unsupported part of a file.
struct ParquetError {
    /// Part of the file: the footer, a column or a record.
    place: String,
    /// Expected and found.
    problem: String,
}

impl ParquetError {
    /// An error in the footer, which describes the file as a whole.
    fn footer(problem: impl Into<String>) -> Self {
        Self { place: "footer".to_owned(), problem: problem.into() }
    }
}
