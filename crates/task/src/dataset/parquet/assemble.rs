//! Puts columns together into records: takes the values of a row group with their levels, gives one record after the
//! other. (The record assembly of Google's Dremel paper, Melnik et al. 2010.)

use serde_json::{Map, Value};

use super::ParquetError;
use super::column::Column;
use super::schema::{Kind, Leaf, Node, Schema};

/// The columns of a row group, read in step.
pub(super) struct Columns<'s> {
    fields: &'s [Node],
    cursors: Vec<Cursor<'s>>,
}

/// Read position in one column.
struct Cursor<'s> {
    leaf: &'s Leaf,
    values: std::vec::IntoIter<Value>,
    definitions: Vec<u32>,
    repetitions: Vec<u32>,
    /// Index of the next entry.
    entry: usize,
    /// Number of entries.
    entries: usize,
}

impl<'s> Columns<'s> {
    pub(super) fn new(schema: &'s Schema, columns: Vec<Column>) -> Self {
        let cursor = |(leaf, column): (&'s Leaf, Column)| Cursor {
            leaf,
            values: column.values.into_iter(),
            definitions: column.definitions,
            repetitions: column.repetitions,
            entry: 0,
            entries: column.entries,
        };
        Self { fields: &schema.fields, cursors: schema.leaves.iter().zip(columns).map(cursor).collect() }
    }

    /// Reads the next record.
    pub(super) fn record(&mut self) -> Result<Map<String, Value>, ParquetError> {
        // A repetition level above 0 would continue a list of the record before.
        match self.cursors.iter().find(|cursor| cursor.repetition().is_some_and(|level| level > 0)) {
            Some(cursor) => Err(cursor.error("expected the first value of a record, found a later one")),
            None => self.structure(self.fields),
        }
    }

    /// Checks that every column was read to its end.
    pub(super) fn finish(&self) -> Result<(), ParquetError> {
        match self.cursors.iter().find(|cursor| cursor.entry < cursor.entries) {
            Some(cursor) => Err(ParquetError {
                place: format!("column `{}`", cursor.leaf.path),
                problem: format!("expected {} values for the rows, found {}", cursor.entry, cursor.entries),
            }),
            None => Ok(()),
        }
    }

    /// Reads the values of all fields.
    fn structure(&mut self, fields: &[Node]) -> Result<Map<String, Value>, ParquetError> {
        fields.iter().map(|field| Ok((field.name.clone(), self.value(field)?))).collect()
    }

    /// Reads the value of a node, with everything below it.
    fn value(&mut self, node: &Node) -> Result<Value, ParquetError> {
        if self.definition(node)? < u32::from(node.definition) {
            return self.absent(node, node.definition).map(|()| Value::Null);
        }
        match &node.kind {
            Kind::Leaf => self.cursors[node.leaves.start].value(),
            Kind::Struct(fields) => Ok(Value::Object(self.structure(fields)?)),
            Kind::List { element, repetition, definition } => {
                if self.definition(node)? < u32::from(*definition) {
                    return self.absent(node, *definition).map(|()| Value::Array(Vec::new()));
                }
                // Entries that repeat at this list's level are further elements of it.
                let mut list = vec![self.value(element)?];
                while self.cursors[node.leaves.start].repetition() == Some(u32::from(*repetition)) {
                    list.push(self.value(element)?);
                }
                Ok(Value::Array(list))
            }
        }
    }

    /// Definition level of the next entry. All columns below a node agree on it up to the node's own level, so the
    /// first column is enough.
    fn definition(&self, node: &Node) -> Result<u32, ParquetError> {
        self.cursors[node.leaves.start].definition()
    }

    /// Skips a null or an empty list, which is one entry in every column below `node`.
    fn absent(&mut self, node: &Node, definition: u16) -> Result<(), ParquetError> {
        for cursor in &mut self.cursors[node.leaves.clone()] {
            if cursor.definition()? >= u32::from(definition) {
                return Err(cursor.error("expected no value, as in the columns beside it, found one"));
            }
            cursor.entry += 1;
        }
        Ok(())
    }
}

impl Cursor<'_> {
    /// Definition level of the next entry.
    fn definition(&self) -> Result<u32, ParquetError> {
        if self.entry == self.entries {
            return Err(self.error("expected a value for every row, found the end of the column"));
        }
        Ok(if self.leaf.definition == 0 { 0 } else { self.definitions[self.entry] })
    }

    /// Repetition level of the next entry; `None` in a column without lists, or at its end.
    fn repetition(&self) -> Option<u32> {
        self.repetitions.get(self.entry).copied()
    }

    /// Reads the next entry: its value, or null.
    fn value(&mut self) -> Result<Value, ParquetError> {
        let there = self.definition()? == u32::from(self.leaf.definition);
        self.entry += 1;
        // There are as many values as levels at the maximum, because the pages were decoded by them.
        Ok(if there { self.values.next().unwrap_or_default() } else { Value::Null })
    }

    /// An error about this column; the caller adds the record as the place.
    fn error(&self, problem: &str) -> ParquetError {
        ParquetError { place: String::new(), problem: format!("column `{}`: {problem}", self.leaf.path) }
    }
}
