//! Reads the footer: takes a file, gives its schema and the position of every column of every row group.

use super::bytes::Bytes;
use super::schema::Schema;
use super::thrift::Thrift;
use super::{MAGIC, ParquetError};

/// Problem of a file without the magic bytes.
const ENDS: &str = "expected a Parquet file, which begins and ends with PAR1; found other bytes";

/// Contents of the footer.
pub(super) struct Footer {
    pub(super) schema: Schema,
    pub(super) groups: Vec<Group>,
}

/// A row group: consecutive records whose columns are stored together.
pub(super) struct Group {
    /// Number of records.
    pub(super) rows: usize,
    /// One column chunk for each leaf of the schema, in the same order.
    pub(super) chunks: Vec<Chunk>,
}

/// A column chunk: the pages of one column in one row group.
pub(super) struct Chunk {
    /// Offset of the first page in the file.
    pub(super) start: usize,
    /// Total size of the pages, in bytes.
    pub(super) bytes: usize,
    /// Number of entries: values, nulls and empty lists.
    pub(super) values: usize,
    /// Number of the compression in the Parquet format.
    pub(super) codec: i64,
}

/// Reads the footer at the end of `file`: Thrift data, its length in four bytes, and the magic bytes.
pub(super) fn read(file: &[u8]) -> Result<Footer, ParquetError> {
    let body =
        file.strip_prefix(MAGIC).and_then(|file| file.strip_suffix(MAGIC)).ok_or_else(|| ParquetError::footer(ENDS))?;
    let (body, length) = body.split_last_chunk().ok_or_else(|| ParquetError::footer(ENDS))?;
    let length = u32::from_le_bytes(*length) as usize;
    let start = body.len().checked_sub(length).ok_or_else(|| too_long(length, body.len()))?;
    parse(&body[start..]).map_err(ParquetError::footer)
}

/// Reads the footer of a file that is not in memory: takes its size and a function that reads a range of it.
pub(super) fn read_range<E: From<ParquetError>>(
    size: u64,
    mut range: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
) -> Result<Footer, E> {
    const MARK: u64 = MAGIC.len() as u64;
    let ends = || ParquetError::footer(ENDS);
    // Magic bytes at both ends, and the length before the last.
    let body = size.checked_sub(2 * MARK + 4).ok_or_else(ends)?;
    let last = range(size - MARK - 4, 8)?;
    let (length, magic) = last.split_at(4);
    if range(0, MAGIC.len())? != MAGIC || magic != MAGIC {
        return Err(ends().into());
    }
    let length = u32::from_le_bytes(length.try_into().expect("four bytes, split off above"));
    if u64::from(length) > body {
        return Err(too_long(length as usize, body as usize).into());
    }
    Ok(parse(&range(size - MARK - 4 - u64::from(length), length as usize)?).map_err(ParquetError::footer)?)
}

fn too_long(found: usize, most: usize) -> ParquetError {
    ParquetError::footer(format!("expected a length of at most {most}, found {found}"))
}

/// Parses the Thrift data of the footer. Numbers of fields here and below are those of the format's `parquet.thrift`.
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
    // Some writers store 0 if there is no dictionary page.
    let dictionary = data.int(11).filter(|offset| *offset > 0).and_then(|offset| usize::try_from(offset).ok());
    Ok(Chunk {
        start: dictionary.map_or(first, |dictionary| dictionary.min(first)),
        bytes: data.size(7, "a size of the pages")?,
        values: data.size(5, "a number of values")?,
        codec: data.int(4).ok_or("expected a compression, found none")?,
    })
}
