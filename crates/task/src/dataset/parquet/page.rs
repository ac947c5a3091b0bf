//! Decodes one page of a column: decompresses it and reads its levels; the values are left encoded.

use super::budget::Budget;
use super::bytes::Bytes;
use super::footer::Chunk;
use super::rle;
use super::schema::Leaf;
use super::thrift::Thrift;

/// A page of a column.
pub(super) enum Page {
    Data(DataPage),
    /// Values that later pages refer to by index, in plain encoding.
    Dictionary {
        bytes: Vec<u8>,
        /// Number of values.
        values: usize,
    },
    /// A page that readers may ignore, such as an index.
    Other,
}

/// A data page, its levels decoded and its values not yet.
pub(super) struct DataPage {
    /// The decompressed page.
    bytes: Vec<u8>,
    /// Offset of the encoded values in it.
    start: usize,
    pub(super) definitions: Vec<u32>,
    pub(super) repetitions: Vec<u32>,
    /// Number of entries: values, nulls and empty lists.
    pub(super) entries: usize,
    /// Number of the values' encoding in the Parquet format.
    pub(super) encoding: Option<i64>,
}

impl DataPage {
    /// The encoded values.
    pub(super) fn values(&self) -> Bytes<'_> {
        Bytes(&self.bytes[self.start..])
    }

    /// Number of entries that have a value: those at the highest definition level.
    pub(super) fn present(&self, leaf: &Leaf) -> usize {
        match leaf.definition {
            0 => self.entries,
            largest => self.definitions.iter().filter(|level| **level == u32::from(largest)).count(),
        }
    }
}

/// Decodes a page. `before`: number of entries in the pages of `chunk` before it.
pub(super) fn read(
    header: &Thrift<'_>,
    body: &[u8],
    chunk: &Chunk,
    before: usize,
    leaf: &Leaf,
    budget: &mut Budget,
) -> Result<Page, String> {
    let size = header.size(2, "a size of the page")?;
    Ok(match header.int(1) {
        // Data page, version 1: levels and values are compressed together.
        Some(0) => {
            let page = header.get(5).ok_or("expected a header of a data page, found none")?;
            let bytes = decompressed(chunk.codec, body, size, budget)?;
            let mut rest = Bytes(&bytes);
            let entries = entries(page, chunk, before, budget)?;
            let repetitions = prefixed_levels(&mut rest, leaf.repetition, entries, page.int(4))?;
            let definitions = prefixed_levels(&mut rest, leaf.definition, entries, page.int(3))?;
            let start = bytes.len() - rest.0.len();
            Page::Data(DataPage { start, bytes, definitions, repetitions, entries, encoding: page.int(2) })
        }
        Some(2) => {
            let page = header.get(7).ok_or("expected a header of a dictionary, found none")?;
            let bytes = decompressed(chunk.codec, body, size, budget)?;
            Page::Dictionary { bytes, values: page.size(1, "a number of values")? }
        }
        // Data page, version 2: the levels come first and are not compressed.
        Some(3) => {
            let page = header.get(8).ok_or("expected a header of a data page, found none")?;
            let mut bytes = Bytes(body);
            let mut repetitions = Bytes(bytes.take(page.size(6, "a size of the levels")?)?);
            let mut definitions = Bytes(bytes.take(page.size(5, "a size of the levels")?)?);
            let entries = entries(page, chunk, before, budget)?;
            let size = size.saturating_sub(body.len() - bytes.0.len());
            let plain = page.get(7) == Some(&Thrift::Bool(false));
            let bytes = decompressed(if plain { 0 } else { chunk.codec }, bytes.0, size, budget)?;
            let repetitions = levels(&mut repetitions, leaf.repetition, entries)?;
            let definitions = levels(&mut definitions, leaf.definition, entries)?;
            Page::Data(DataPage { start: 0, bytes, definitions, repetitions, entries, encoding: page.int(4) })
        }
        _ => Page::Other,
    })
}

/// Number of entries of a page, at most as many as the column still lacks.
fn entries(page: &Thrift<'_>, chunk: &Chunk, before: usize, budget: &mut Budget) -> Result<usize, String> {
    let n = page.size(1, "a number of values")?;
    if n > chunk.values.saturating_sub(before) {
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
        // At once, so that the decoder needs no window beside the page.
        6 => zstd::bulk::decompress(body, size).map_err(|e| wrong(e.to_string()))?,
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
