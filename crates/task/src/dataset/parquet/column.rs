//! Decodes one column of one row group: takes its pages, gives its values with their levels.

use serde_json::Value;

use super::budget::Budget;
use super::bytes::Bytes;
use super::footer::Chunk;
use super::page::{self, DataPage, Page};
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

/// Decodes the pages of `chunk`.
pub(super) fn read(file: &[u8], chunk: &Chunk, leaf: &Leaf, budget: &mut Budget) -> Result<Column, String> {
    let outside = || format!("expected pages inside the file, found {} bytes from {}", chunk.bytes, chunk.start);
    let pages = file.get(chunk.start..).and_then(|rest| rest.get(..chunk.bytes)).ok_or_else(outside)?;
    let (mut pages, mut dictionary, mut column) = (Bytes(pages), Vec::new(), Column::default());
    while column.entries < chunk.values {
        let header = Thrift::read(&mut pages)?;
        let body = pages.take(header.size(3, "a compressed size of the page")?)?;
        match page::read(&header, body, chunk, column.entries, leaf, budget)? {
            Page::Data(page) => column.append(&page, leaf, &dictionary, budget)?,
            Page::Dictionary { bytes, values } => {
                dictionary = values::plain(&mut Bytes(&bytes), leaf.physical, values, budget)?;
            }
            Page::Other => {}
        }
    }
    Ok(column)
}

impl Column {
    /// Appends the entries of a page.
    fn append(
        &mut self,
        page: &DataPage,
        leaf: &Leaf,
        dictionary: &[Value],
        budget: &mut Budget,
    ) -> Result<(), String> {
        let (mut bytes, present) = (page.values(), page.present(leaf));
        self.repetitions.extend(&page.repetitions);
        self.definitions.extend(&page.definitions);
        self.values.extend(values::read(&mut bytes, leaf.physical, present, page.encoding, dictionary, budget)?);
        self.entries += page.entries;
        Ok(())
    }
}
