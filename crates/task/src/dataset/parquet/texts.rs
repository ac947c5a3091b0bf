//! Reads one column of texts from a Parquet file page by page, so that memory is bounded by a page and not by the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::ParquetError;
use super::budget::Budget;
use super::bytes::Bytes;
use super::footer::{self, Chunk, Group};
use super::page::{self, DataPage, Page};
use super::rle;
use super::schema::{Leaf, Physical};
use super::thrift::Thrift;
use crate::error::{Error, Result};

/// First guess of the size of a page's header, bytes; it may contain the smallest and largest text of the page.
const HEADER: usize = 1 << 14;
/// Largest header of a page that is read, bytes.
const LARGEST_HEADER: usize = 1 << 24;

/// A value of a column of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParquetText<'a> {
    /// A text.
    Text(&'a str),
    /// No text.
    Null,
    /// Bytes that are not UTF-8.
    NotUtf8,
}

/// A column of texts in a Parquet file. At most one page and one dictionary are in memory, each of at most 256 MiB.
pub struct ParquetTexts {
    path: PathBuf,
    file: File,
    /// Size of the file, bytes.
    size: u64,
    leaf: Leaf,
    /// The column's chunk and the first record of each row group.
    groups: Vec<(Chunk, u64)>,
    budget: Budget,
}

impl ParquetTexts {
    /// Opens the column of a file; a column inside another is named with a dot.
    ///
    /// # Errors
    /// A file that cannot be read; a damaged footer; a column that does not exist, has other values than texts, or lists
    /// of them.
    pub fn open(path: &Path, column: &str) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io(path))?;
        let size = file.metadata().map_err(Error::io(path))?.len();
        let footer = footer::read_range(size, |start, n| Ok::<_, Failure>(read_at(&mut file, start, n)?));
        let footer = footer.map_err(|failure| failure.at(path, "footer"))?;
        let wrong = |problem: String| malformed(path, "footer", problem);
        let leaves = &footer.schema.leaves;
        let Some(place) = leaves.iter().position(|leaf| leaf.path == column) else {
            let names = leaves.iter().map(|leaf| leaf.path.as_str()).collect::<Vec<_>>().join(", ");
            return Err(wrong(format!("expected a column `{column}`, found {names}")));
        };
        let leaf = footer.schema.leaves.into_iter().nth(place).expect("the place was found in this list");
        if leaf.physical != Physical::Text || leaf.repetition > 0 {
            return Err(wrong(format!("expected a text in each record of `{column}`, found values of another kind")));
        }
        let mut groups = Vec::with_capacity(footer.groups.len());
        let mut record = 0_u64;
        for Group { rows, mut chunks } in footer.groups {
            let chunk = chunks.swap_remove(place);
            if chunk.values != rows {
                return Err(wrong(format!("expected {rows} values of `{column}`, found {}", chunk.values)));
            }
            groups.push((chunk, record));
            record = record.saturating_add(rows as u64);
        }
        Ok(Self { path: path.to_owned(), file, size, leaf, groups, budget: Budget::of(size) })
    }

    /// Number of row groups.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Hands each value of a row group, with the number of its record in the file (from 0), to `visit`, until it breaks.
    ///
    /// # Errors
    /// A file that cannot be read; a damaged or unsupported page, which ends the group. The groups after it can be read.
    ///
    /// # Panics
    /// If there is no group `group`.
    pub fn read_group(
        &mut self,
        group: usize,
        visit: &mut dyn FnMut(u64, ParquetText<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let (chunk, first) = &self.groups[group];
        let end = (chunk.start as u64).checked_add(chunk.bytes as u64).filter(|end| *end <= self.size);
        let outside = || {
            Failure::from(format!("expected pages inside the file, found {} bytes from {}", chunk.bytes, chunk.start))
        };
        let mut read = || -> Result<ControlFlow<()>, Failure> {
            let mut pages = Pages { file: &mut self.file, at: chunk.start as u64, end: end.ok_or_else(outside)? };
            let (mut dictionary, mut entries) = (Dictionary::default(), 0);
            while entries < chunk.values {
                let (header, body) = pages.next_page()?;
                let header = Thrift::read(&mut Bytes(&header))?;
                let page =
                    self.budget.for_page(|budget| page::read(&header, &body, chunk, entries, &self.leaf, budget))?;
                match page {
                    Page::Dictionary { bytes, values } => {
                        dictionary = self.budget.for_page(|budget| Dictionary::new(bytes, values, budget))?;
                    }
                    Page::Data(page) => {
                        let record = first.saturating_add(entries as u64);
                        if visit_page(&page, &self.leaf, &dictionary, record, visit)?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                        entries += page.entries;
                    }
                    Page::Other => {}
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        let place = || format!("row group {group}, column `{}`", self.leaf.path);
        read().map_err(|failure: Failure| failure.at(&self.path, &place()))
    }
}

/// Hands the values of a page to `visit`; `record`: number of the first.
fn visit_page(
    page: &DataPage,
    leaf: &Leaf,
    dictionary: &Dictionary,
    record: u64,
    visit: &mut dyn FnMut(u64, ParquetText<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, String> {
    let mut bytes = page.values();
    let present = page.present(leaf);
    // Indices into the dictionary; the first byte is their width in bits.
    let mut indices = match page.encoding {
        _ if present == 0 => None,
        Some(0) => None,
        Some(2 | 8) => {
            let width = u32::from(bytes.byte()?);
            Some(rle::read(&mut bytes, width, present)?.into_iter())
        }
        other => {
            return Err(format!(
                "expected plain or dictionary encoding, found {}",
                super::values::encoding_name(other)
            ));
        }
    };
    for entry in 0..page.entries {
        let is_there = leaf.definition == 0 || page.definitions[entry] == u32::from(leaf.definition);
        let text = match &mut indices {
            _ if !is_there => ParquetText::Null,
            Some(indices) => text_of(dictionary.get(indices.next().unwrap_or_default())?),
            None => text_of(bytes.prefixed()?),
        };
        if visit(record.saturating_add(entry as u64), text).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn text_of(bytes: &[u8]) -> ParquetText<'_> {
    std::str::from_utf8(bytes).map_or(ParquetText::NotUtf8, ParquetText::Text)
}

/// The texts of a dictionary page, which stay in its bytes.
#[derive(Default)]
struct Dictionary {
    bytes: Vec<u8>,
    /// Beginning and end of each text.
    places: Vec<[usize; 2]>,
}

impl Dictionary {
    fn new(bytes: Vec<u8>, values: usize, budget: &mut Budget) -> Result<Self, String> {
        budget.spend_values(values)?;
        let mut rest = Bytes(&bytes);
        let mut places = Vec::with_capacity(values.min(bytes.len() / 4));
        for _ in 0..values {
            let length = rest.prefixed()?.len();
            let end = bytes.len() - rest.0.len();
            places.push([end - length, end]);
        }
        Ok(Self { bytes, places })
    }

    fn get(&self, index: u32) -> Result<&[u8], String> {
        let place = self.places.get(index as usize);
        let [start, end] =
            place.ok_or_else(|| format!("expected an index below {}, found {index}", self.places.len()))?;
        Ok(&self.bytes[*start..*end])
    }
}

/// The pages of a chunk, read one at a time.
struct Pages<'f> {
    file: &'f mut File,
    /// Offset of the next page in the file.
    at: u64,
    /// End of the chunk.
    end: u64,
}

impl Pages<'_> {
    /// Header and body of the next page, undecoded.
    fn next_page(&mut self) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let left = self.end - self.at;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(LARGEST_HEADER);
        let mut window = HEADER.min(most);
        // Only decoding tells where a header ends, so that a longer window is tried until it does.
        let (header, size) = loop {
            let mut bytes = read_at(self.file, self.at, window)?;
            let mut rest = Bytes(&bytes);
            match Thrift::read(&mut rest) {
                Ok(header) => {
                    let size = header.size(3, "a compressed size of the page")?;
                    let length = bytes.len() - rest.0.len();
                    bytes.truncate(length);
                    break (bytes, size);
                }
                Err(_) if window < most => window = window.saturating_mul(4).min(most),
                Err(problem) => return Err(problem.into()),
            }
        };
        let start = self.at + header.len() as u64;
        let end = start.checked_add(size as u64).filter(|end| *end <= self.end);
        self.at = end.ok_or_else(|| format!("expected {size} bytes more, found the end after {}", self.end - start))?;
        Ok((header, read_at(self.file, start, size)?))
    }
}

/// Reads `n` bytes of a file, which has so many from `start` on.
fn read_at(file: &mut File, start: u64, n: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = vec![0; n];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Damage, or an error of the operating system.
enum Failure {
    Malformed(String),
    Io(io::Error),
}

impl Failure {
    fn at(self, path: &Path, place: &str) -> Error {
        match self {
            Self::Malformed(problem) => malformed(path, place, problem),
            Self::Io(error) => Error::io(path)(error),
        }
    }
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self::Malformed(problem)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ParquetError> for Failure {
    fn from(error: ParquetError) -> Self {
        Self::Malformed(error.problem)
    }
}

fn malformed(path: &Path, place: &str, problem: String) -> Error {
    Error::Task { file: path.display().to_string(), place: place.to_owned(), problem }
}

#[cfg(test)]
mod tests;
