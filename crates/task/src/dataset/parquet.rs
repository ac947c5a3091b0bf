//! Parquet: takes the bytes of a file, gives its records as the JSON that they would be.
//!
//! A reader of our own, because the `parquet` crate panics on malformed files and brings fifty others. It reads what
//! `pyarrow` writes unless told otherwise, as the Hub's data sets are: plain and dictionary encoding, data pages 1 and
//! 2, uncompressed, Snappy and Zstandard, any nesting; all else is refused by name. Dates and times stay the numbers
//! that the file has, and what is no number becomes null. (<https://parquet.apache.org/docs/file-format/>)

mod assemble;
mod budget;
mod bytes;
mod column;
mod footer;
mod levels;
mod schema;
mod thrift;
mod values;

use super::Place;
use super::reading::Reading;
use crate::error::{Error, Result};
use budget::Budget;

/// First and last bytes of a file.
pub(super) const MAGIC: &[u8] = b"PAR1";

pub(super) fn read(file: &[u8], reading: &mut Reading) -> Result<()> {
    let records = |reading: &mut Reading| -> Result<(), Fault> {
        let mut budget = Budget::of(file.len());
        let footer = footer::read(file)?;
        let mut record = 0;
        for group in &footer.groups {
            let leaves = footer.schema.leaves.iter().zip(&group.chunks);
            let columns: Vec<_> = leaves
                .map(|(leaf, chunk)| {
                    let column = column::read(file, chunk, leaf, &mut budget);
                    column.map_err(|problem| Fault { place: format!("column `{}`", leaf.path), problem })
                })
                .collect::<Result<_, _>>()?;
            let mut columns = assemble::Columns::new(&footer.schema, columns);
            for _ in 0..group.rows {
                let fields = columns.record().map_err(|p| Fault { place: Place::Record(record).to_string(), ..p })?;
                reading.row(Place::Record(record), fields);
                record += 1;
            }
            columns.finish()?;
        }
        Ok(())
    };
    records(reading).map_err(|fault| Error::Task {
        file: reading.file.display().to_string(),
        place: fault.place,
        problem: fault.problem,
    })
}

/// What is wrong with a file, and where.
struct Fault {
    place: String,
    problem: String,
}

impl Fault {
    /// Something about the file as a whole.
    fn footer(problem: impl Into<String>) -> Self {
        Self { place: "footer".to_owned(), problem: problem.into() }
    }
}
