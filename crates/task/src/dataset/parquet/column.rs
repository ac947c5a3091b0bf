//! One column of one group of rows: takes its pages, gives its values with their levels.

use std::io::Read;

use serde_json::Value;

use super::budget::Budget;
use super::bytes::Bytes;
use super::footer::Chunk;
use super::levels;
use super::schema::Leaf;
use super::thrift::Thrift;
use super::values;

/// The values of a column, and for every place, nulls among them, its levels; a level that is always 0 is left out.
#[derive(Default)]
pub(super) struct Column {
    pub(super) values: Vec<Value>,
    pub(super) definitions: Vec<u32>,
    pub(super) repetitions: Vec<u32>,
    /// Number of places.
    pub(super) places: usize,
}

pub(super) fn read(file: &[u8], chunk: &Chunk, leaf: &Leaf, budget: &mut Budget) -> Result<Column, String> {
    let outside = || format!("expected pages inside the file, found {} bytes from {}", chunk.bytes, chunk.start);
    let pages = file.get(chunk.start..).and_then(|rest| rest.get(..chunk.bytes)).ok_or_else(outside)?;
    let (mut pages, mut dictionary, mut column) = (Bytes(pages), Vec::new(), Column::default());
    while column.places < chunk.values {
        let header = Thrift::read(&mut pages)?;
        let size = header.size(2, "a size of the page")?;
        let body = pages.take(header.size(3, "a compressed size of the page")?)?;
        match header.int(1) {
            Some(0) => {
                let page = header.get(5).ok_or("expected a header of a data page, found none")?;
                let body = decompressed(chunk.codec, body, size, budget)?;
                let mut bytes = Bytes(&body);
                let n = places(page, chunk, &column, budget)?;
                column.repetitions.extend(prefixed_levels(&mut bytes, leaf.repetition, n, page.int(4))?);
                let definitions = prefixed_levels(&mut bytes, leaf.definition, n, page.int(3))?;
                column.extend(bytes, leaf, definitions, n, page.int(2), &dictionary, budget)?;
            }
            Some(2) => {
                let page = header.get(7).ok_or("expected a header of a dictionary, found none")?;
                let body = decompressed(chunk.codec, body, size, budget)?;
                let n = page.size(1, "a number of values")?;
                dictionary = values::plain(&mut Bytes(&body), leaf.physical, n, budget)?;
            }
            Some(3) => {
                let page = header.get(8).ok_or("expected a header of a data page, found none")?;
                let mut bytes = Bytes(body);
                let mut repetitions = Bytes(bytes.take(page.size(6, "a size of the levels")?)?);
                let mut definitions = Bytes(bytes.take(page.size(5, "a size of the levels")?)?);
                let n = places(page, chunk, &column, budget)?;
                let size = size.saturating_sub(body.len() - bytes.0.len());
                let plain = page.get(7) == Some(&Thrift::Bool(false));
                let body = decompressed(if plain { 0 } else { chunk.codec }, bytes.0, size, budget)?;
                column.repetitions.extend(some_levels(&mut repetitions, leaf.repetition, n)?);
                let definitions = some_levels(&mut definitions, leaf.definition, n)?;
                column.extend(Bytes(&body), leaf, definitions, n, page.int(4), &dictionary, budget)?;
            }
            _ => {} // an index, which readers may leave alone
        }
    }
    Ok(column)
}

impl Column {
    /// Appends a page.
    #[allow(clippy::too_many_arguments)] // a page has so many parts, and no other use for them
    fn extend(
        &mut self,
        mut bytes: Bytes<'_>,
        leaf: &Leaf,
        definitions: Vec<u32>,
        n: usize,
        encoding: Option<i64>,
        dictionary: &[Value],
        budget: &mut Budget,
    ) -> Result<(), String> {
        let present = match leaf.definition {
            0 => n,
            largest => definitions.iter().filter(|level| **level == u32::from(largest)).count(),
        };
        self.definitions.extend(definitions);
        self.values.extend(values::read(&mut bytes, leaf.physical, present, encoding, dictionary, budget)?);
        self.places += n;
        Ok(())
    }
}

/// The places of a page, which may not be more than its column has left.
fn places(page: &Thrift<'_>, chunk: &Chunk, column: &Column, budget: &mut Budget) -> Result<usize, String> {
    let n = page.size(1, "a number of values")?;
    if n > chunk.values - column.places {
        return Err(format!("expected {} values, found more", chunk.values));
    }
    budget.values(n)?;
    Ok(n)
}

/// Levels of a page of the first kind, which have their length before them.
fn prefixed_levels(bytes: &mut Bytes<'_>, largest: u16, n: usize, encoding: Option<i64>) -> Result<Vec<u32>, String> {
    match (largest, encoding) {
        (0, _) => Ok(Vec::new()),
        (_, Some(3)) => some_levels(&mut Bytes(bytes.prefixed()?), largest, n),
        (_, other) => Err(format!("expected levels in runs (3), found encoding {other:?}")),
    }
}

fn some_levels(bytes: &mut Bytes<'_>, largest: u16, n: usize) -> Result<Vec<u32>, String> {
    if largest == 0 {
        return Ok(Vec::new());
    }
    let levels = levels::read(bytes, u16::BITS - largest.leading_zeros(), n)?;
    match levels.iter().find(|level| **level > u32::from(largest)) {
        Some(level) => Err(format!("expected levels up to {largest}, found {level}")),
        None => Ok(levels),
    }
}

/// The bytes of a page, which must be as many as its header says.
fn decompressed(codec: i64, body: &[u8], size: usize, budget: &mut Budget) -> Result<Vec<u8>, String> {
    budget.spend(size)?;
    let wrong = |found: String| format!("expected a page of {size} bytes, found {found}");
    let page = match codec {
        _ if size == 0 => Vec::new(), // some writers leave out even the frame of a compressed nothing
        0 => body.to_vec(),
        1 => {
            // The compressed bytes begin with the size, which must not be allocated unseen.
            let found = snap::raw::decompress_len(body).map_err(|e| wrong(e.to_string()))?;
            if found != size {
                return Err(wrong(found.to_string()));
            }
            snap::raw::Decoder::new().decompress_vec(body).map_err(|e| wrong(e.to_string()))?
        }
        6 => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(body).map_err(|e| wrong(e.to_string()))?;
            let mut page = Vec::new();
            decoder.take(size as u64 + 1).read_to_end(&mut page).map_err(|e| wrong(e.to_string()))?;
            page
        }
        other => return Err(format!("expected no compression, Snappy or Zstandard, found {}", codec_name(other))),
    };
    if page.len() == size { Ok(page) } else { Err(wrong(page.len().to_string())) }
}

fn codec_name(codec: i64) -> String {
    match codec {
        2 => "gzip".to_owned(),
        3 => "LZO".to_owned(),
        4 => "Brotli".to_owned(),
        5 | 7 => "LZ4".to_owned(),
        other => format!("number {other}"),
    }
}
