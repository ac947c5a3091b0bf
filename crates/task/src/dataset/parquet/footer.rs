//! The footer: takes a file, gives the schema and where the columns of each group of rows are.

use super::bytes::Bytes;
use super::schema::Schema;
use super::thrift::Thrift;
use super::{Fault, MAGIC};

/// What the end of a file says about the rest.
pub(super) struct Footer {
    pub(super) schema: Schema,
    pub(super) groups: Vec<Group>,
}

/// Rows that are stored together.
pub(super) struct Group {
    pub(super) rows: usize,
    /// One for each leaf of the schema.
    pub(super) chunks: Vec<Chunk>,
}

/// The pages of one column in one group.
pub(super) struct Chunk {
    pub(super) start: usize,
    pub(super) bytes: usize,
    /// Values, nulls among them.
    pub(super) values: usize,
    pub(super) codec: i64,
}

pub(super) fn read(file: &[u8]) -> Result<Footer, Fault> {
    let ends = "expected a Parquet file, which begins and ends with PAR1; found other bytes";
    let body = file.strip_prefix(MAGIC).and_then(|file| file.strip_suffix(MAGIC)).ok_or_else(|| Fault::footer(ends))?;
    let (body, length) = body.split_last_chunk().ok_or_else(|| Fault::footer(ends))?;
    let length = u32::from_le_bytes(*length) as usize;
    let start = body
        .len()
        .checked_sub(length)
        .ok_or_else(|| Fault::footer(format!("expected a length of at most {}, found {length}", body.len())))?;
    parse(&body[start..]).map_err(Fault::footer)
}

fn parse(footer: &[u8]) -> Result<Footer, String> {
    let metadata = Thrift::read(&mut Bytes(footer))?;
    let schema = Schema::of(metadata.list(2, "a schema")?)?;
    let groups = metadata.list(4, "groups of rows")?;
    let groups = groups.iter().map(|group| parse_group(group, &schema)).collect::<Result<_, _>>()?;
    Ok(Footer { schema, groups })
}

fn parse_group(group: &Thrift<'_>, schema: &Schema) -> Result<Group, String> {
    let columns = group.list(1, "columns")?;
    if columns.len() != schema.leaves.len() {
        return Err(format!("expected {} columns as in the schema, found {}", schema.leaves.len(), columns.len()));
    }
    let chunks = columns.iter().map(parse_chunk).collect::<Result<_, _>>()?;
    Ok(Group { rows: group.size(3, "a number of rows")?, chunks })
}

fn parse_chunk(column: &Thrift<'_>) -> Result<Chunk, String> {
    if column.get(1).is_some() {
        return Err("expected all columns in this file, found one in another".to_owned());
    }
    let data = column.get(3).ok_or("expected where a column is, found nothing (is the file encrypted?)")?;
    let first = data.size(9, "a first page")?;
    // Some writers give 0 where there is no dictionary.
    let dictionary = data.int(11).filter(|offset| *offset > 0).and_then(|offset| usize::try_from(offset).ok());
    Ok(Chunk {
        start: dictionary.map_or(first, |dictionary| dictionary.min(first)),
        bytes: data.size(7, "a size of the pages")?,
        values: data.size(5, "a number of values")?,
        codec: data.int(4).ok_or("expected a compression, found none")?,
    })
}
