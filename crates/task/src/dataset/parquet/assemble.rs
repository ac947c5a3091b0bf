//! Records from columns: takes the values of a group of rows with their levels, gives one record after the other.

use serde_json::{Map, Value};

use super::Fault;
use super::column::Column;
use super::schema::{Kind, Leaf, Node, Schema};

/// The columns of a group of rows, read side by side.
pub(super) struct Columns<'s> {
    fields: &'s [Node],
    cursors: Vec<Cursor<'s>>,
}

/// How far a column is read.
struct Cursor<'s> {
    leaf: &'s Leaf,
    values: std::vec::IntoIter<Value>,
    definitions: Vec<u32>,
    repetitions: Vec<u32>,
    place: usize,
    places: usize,
}

impl<'s> Columns<'s> {
    pub(super) fn new(schema: &'s Schema, columns: Vec<Column>) -> Self {
        let cursor = |(leaf, column): (&'s Leaf, Column)| Cursor {
            leaf,
            values: column.values.into_iter(),
            definitions: column.definitions,
            repetitions: column.repetitions,
            place: 0,
            places: column.places,
        };
        Self { fields: &schema.fields, cursors: schema.leaves.iter().zip(columns).map(cursor).collect() }
    }

    /// The next record.
    pub(super) fn record(&mut self) -> Result<Map<String, Value>, Fault> {
        match self.cursors.iter().find(|cursor| cursor.repetition().is_some_and(|level| level > 0)) {
            Some(cursor) => Err(cursor.fault("expected the first value of a record, found a later one")),
            None => self.structure(self.fields),
        }
    }

    /// That nothing is left over.
    pub(super) fn finish(&self) -> Result<(), Fault> {
        match self.cursors.iter().find(|cursor| cursor.place < cursor.places) {
            Some(cursor) => Err(Fault {
                place: format!("column `{}`", cursor.leaf.path),
                problem: format!("expected {} values for the rows, found {}", cursor.place, cursor.places),
            }),
            None => Ok(()),
        }
    }

    fn structure(&mut self, fields: &[Node]) -> Result<Map<String, Value>, Fault> {
        fields.iter().map(|field| Ok((field.name.clone(), self.value(field)?))).collect()
    }

    fn value(&mut self, node: &Node) -> Result<Value, Fault> {
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
                let mut list = vec![self.value(element)?];
                while self.cursors[node.leaves.start].repetition() == Some(u32::from(*repetition)) {
                    list.push(self.value(element)?);
                }
                Ok(Value::Array(list))
            }
        }
    }

    /// The definition level at hand, the same in all columns of a node as far as the node goes.
    fn definition(&self, node: &Node) -> Result<u32, Fault> {
        self.cursors[node.leaves.start].definition()
    }

    /// Passes over a null or an empty list, which takes one place in every column.
    fn absent(&mut self, node: &Node, definition: u16) -> Result<(), Fault> {
        for cursor in &mut self.cursors[node.leaves.clone()] {
            if cursor.definition()? >= u32::from(definition) {
                return Err(cursor.fault("expected no value, as in the columns beside it, found one"));
            }
            cursor.place += 1;
        }
        Ok(())
    }
}

impl Cursor<'_> {
    fn definition(&self) -> Result<u32, Fault> {
        if self.place == self.places {
            return Err(self.fault("expected a value for every row, found the end of the column"));
        }
        Ok(if self.leaf.definition == 0 { 0 } else { self.definitions[self.place] })
    }

    /// The repetition level at hand; a column without lists has none.
    fn repetition(&self) -> Option<u32> {
        self.repetitions.get(self.place).copied()
    }

    /// The value at hand, or null.
    fn value(&mut self) -> Result<Value, Fault> {
        let there = self.definition()? == u32::from(self.leaf.definition);
        self.place += 1;
        // As many values as levels say so: the page was read by them.
        Ok(if there { self.values.next().unwrap_or_default() } else { Value::Null })
    }

    fn fault(&self, problem: &str) -> Fault {
        Fault { place: String::new(), problem: format!("column `{}`: {problem}", self.leaf.path) }
    }
}
