//! Table: the form in which all tables of the report reach the template.

use serde::Serialize;

/// A table with a name for its download.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Table {
    /// Name of the downloaded file, without `.csv`.
    pub(super) name: &'static str,
    /// Subject of the table, for readers who do not see the page.
    pub(super) about: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

/// A column.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Column {
    title: String,
    /// True for numbers, which stand at the right.
    number: bool,
}

/// A row; the first cell names it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// True for the row of the winner.
    pub(super) won: bool,
}

/// A cell as formatted text.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cell {
    text: String,
    /// Remarks below the text in small type.
    notes: Vec<String>,
    /// True for the number that matters most.
    strong: bool,
    /// True for an edit, which may break after the comma between two matrices.
    edit: bool,
}

impl Table {
    /// A table without rows. A title that begins with `#` is of a column of numbers.
    pub(super) fn new(name: &'static str, about: &str, titles: &[&str]) -> Self {
        let column = |title: &&str| match title.strip_prefix('#') {
            Some(title) => Column { title: title.to_owned(), number: true },
            None => Column { title: (*title).to_owned(), number: false },
        };
        Self { name, about: about.to_owned(), columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// The table with a row added.
    pub(super) fn push(&mut self, cells: Vec<Cell>, won: bool) {
        self.rows.push(Row { cells, won });
    }
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// An edit in short form.
    pub(super) fn edit(edit: &str) -> Self {
        Self { text: edit.to_owned(), edit: true, ..Self::default() }
    }

    /// The cell with a remark, unless that is empty.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.extend(Some(note.into()).filter(|note| !note.is_empty()));
        self
    }

    pub(super) fn strong(self) -> Self {
        Self { strong: true, ..self }
    }
}
