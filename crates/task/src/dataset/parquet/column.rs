//! Decodes one column of one row group: takes its pages, gives its values with their levels.

use std::io::Read;

use serde_json::Value;

use super::budget::Budget;
use super::bytes::Bytes;
use super::footer::Chunk;
use super::rle;
use super::schema::Leaf;
use super::thrift::Thrift;
use super::values;

/// Decoded entries of a column. An entry is a value, a null or an empty list; each has a definition level and a
/// repetition level (see [`super::schema`]).
#[derive(Default)]
pub(super) struct Column {
    /// The values, without nulls and empty lists.
    pub(super) values: Vec<Value>,
    /// Definition level of each entry; empty if the level is always 0.
    pub(super) definitions: Vec<u32>,
    /// Repetition level of each entry; empty if the level is always 0.
    pub(super) repetitions: Vec<u32>,
    /// Number of entries.
    pub(super) entries: usize,
}

/// One data page, its levels decoded and its values not yet.
struct DataPage<'a> {
    /// Encoded values.
    bytes: Bytes<'a>,
    definitions: Vec<u32>,
    repetitions: Vec<u32>,
    entries: usize,
    /// Number of the values' encoding in the Parquet format.
    encoding: Option<i64>,
}

/// Decodes the pages of `chunk`.
pub(super) fn read(file: &[u8], chunk: &Chunk, leaf: &Leaf, budget: &mut Budget) -> Result<Column, String> {
    let outside = || format!("expected pages inside the file, found {} bytes from {}", chunk.bytes, chunk.start);
    let pages = file.get(chunk.start..).and_then(|rest| rest.get(..chunk.bytes)).ok_or_else(outside)?;
    let (mut pages, mut dictionary, mut column) = (Bytes(pages), Vec::new(), Column::default());
    while column.entries < chunk.values {
        let header = Thrift::read(&mut pages)?;
        let size = header.size(2, "a size of the page")?;
        let body = pages.take(header.size(3, "a compressed size of the page")?)?;
        match header.int(1) {
            // Data page, version 1: levels and values are compressed together.
            Some(0) => {
                let page = header.get(5).ok_or("expected a header of a data page, found none")?;
                let body = decompressed(chunk.codec, body, size, budget)?;
                let mut bytes = Bytes(&body);
                let entries = entries(page, chunk, &column, budget)?;
                let repetitions = prefixed_levels(&mut bytes, leaf.repetition, entries, page.int(4))?;
                let definitions = prefixed_levels(&mut bytes, leaf.definition, entries, page.int(3))?;
                let page = DataPage { bytes, definitions, repetitions, entries, encoding: page.int(2) };
                column.append(page, leaf, &dictionary, budget)?;
            }
            // Dictionary page: values that later pages refer to by index.
            Some(2) => {
                let page = header.get(7).ok_or("expected a header of a dictionary, found none")?;
                let body = decompressed(chunk.codec, body, size, budget)?;
                let n = page.size(1, "a number of values")?;
                dictionary = values::plain(&mut Bytes(&body), leaf.physical, n, budget)?;
            }
            // Data page, version 2: the levels come first and are not compressed.
            Some(3) => {
                let page = header.get(8).ok_or("expected a header of a data page, found none")?;
                let mut bytes = Bytes(body);
                let mut repetitions = Bytes(bytes.take(page.size(6, "a size of the levels")?)?);
                let mut definitions = Bytes(bytes.take(page.size(5, "a size of the levels")?)?);
                let entries = entries(page, chunk, &column, budget)?;
                let size = size.saturating_sub(body.len() - bytes.0.len());
                let plain = page.get(7) == Some(&Thrift::Bool(false));
                let body = decompressed(if plain { 0 } else { chunk.codec }, bytes.0, size, budget)?;
                let repetitions = levels(&mut repetitions, leaf.repetition, entries)?;
                let definitions = levels(&mut definitions, leaf.definition, entries)?;
                let bytes = Bytes(&body);
                let page = DataPage { bytes, definitions, repetitions, entries, encoding: page.int(4) };
                column.append(page, leaf, &dictionary, budget)?;
            }
            _ => {} // an index page, which readers may ignore
        }
    }
    Ok(column)
}

impl Column {
    /// Appends the entries of a page.
    fn append(
        &mut self,
        mut page: DataPage<'_>,
        leaf: &Leaf,
        dictionary: &[Value],
        budget: &mut Budget,
    ) -> Result<(), String> {
        // Only entries at the highest definition level have a value.
        let present = match leaf.definition {
            0 => page.entries,
            largest => page.definitions.iter().filter(|level| **level == u32::from(largest)).count(),
        };
        self.repetitions.extend(page.repetitions);
        self.definitions.extend(page.definitions);
        self.values.extend(values::read(&mut page.bytes, leaf.physical, present, page.encoding, dictionary, budget)?);
        self.entries += page.entries;
        Ok(())
    }
}

/// Number of entries of a page, at most as many as the column still lacks.
fn entries(page: &Thrift<'_>, chunk: &Chunk, column: &Column, budget: &mut Budget) -> Result<usize, String> {
    let n = page.size(1, "a number of values")?;
    if n > chunk.values - column.entries {
        return Err(format!("expected {} values, found more", chunk.values));
    }
    budget.spend_values(n)?;
    Ok(n)
}

/// Levels of a data page of version 1, which are preceded by their length in bytes.
fn prefixed_levels(bytes: &mut Bytes<'_>, largest: u16, n: usize, encoding: Option<i64>) -> Result<Vec<u32>, String> {
    match (largest, encoding) {
        (0, _) => Ok(Vec::new()),
        (_, Some(3)) => levels(&mut Bytes(bytes.prefixed()?), largest, n),
        (_, other) => Err(format!("expected levels in runs (3), found encoding {other:?}")),
    }
}

/// The next `n` levels, each at most `largest`; nothing is stored if `largest` is 0.
fn levels(bytes: &mut Bytes<'_>, largest: u16, n: usize) -> Result<Vec<u32>, String> {
    if largest == 0 {
        return Ok(Vec::new());
    }
    let levels = rle::read(bytes, u16::BITS - largest.leading_zeros(), n)?;
    match levels.iter().find(|level| **level > u32::from(largest)) {
        Some(level) => Err(format!("expected levels up to {largest}, found {level}")),
        None => Ok(levels),
    }
}

/// Decompresses the body of a page, which must have `size` bytes, as its header says.
fn decompressed(codec: i64, body: &[u8], size: usize, budget: &mut Budget) -> Result<Vec<u8>, String> {
    budget.spend(size)?;
    let wrong = |found: String| format!("expected a page of {size} bytes, found {found}");
    let page = match codec {
        _ if size == 0 => Vec::new(), // some writers leave out even the frame of an empty compressed page
        0 => body.to_vec(),
        1 => {
            // Snappy data begins with its decompressed size, which the decoder would allocate unchecked.
            let found = snap::raw::decompress_len(body).map_err(|e| wrong(e.to_string()))?;
            if found != size {
                return Err(wrong(found.to_string()));
            }
            snap::raw::Decoder::new().decompress_vec(body).map_err(|e| wrong(e.to_string()))?
        }
        6 => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(body).map_err(|e| wrong(e.to_string()))?;
            let mut page = Vec::new();
            // One byte more than expected shows that the page is too long, without decoding all of it.
            decoder.take(size as u64 + 1).read_to_end(&mut page).map_err(|e| wrong(e.to_string()))?;
            page
        }
        other => return Err(format!("expected no compression, Snappy or Zstandard, found {}", codec_name(other))),
    };
    if page.len() == size { Ok(page) } else { Err(wrong(page.len().to_string())) }
}

/// Name of a compression by its number in the Parquet format.
fn codec_name(codec: i64) -> String {
    match codec {
        2 => "gzip".to_owned(),
        3 => "LZO".to_owned(),
        4 => "Brotli".to_owned(),
        5 | 7 => "LZ4".to_owned(),
        other => format!("number {other}"),
    }
}
