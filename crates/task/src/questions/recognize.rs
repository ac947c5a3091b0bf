//! Record → layout: finds the first layout of the table whose needed fields a record has, or says which is nearest and what
//! it misses.

use std::collections::HashMap;

use serde_json::Value;

use super::layout::{LAYOUTS, Layout, LayoutField, Part, folded, is_known, plain};
use crate::dataset::{BadField, Record, is_table};
use crate::spelling::nearest;

/// A record with its layout.
#[derive(Debug)]
pub(super) struct Recognized<'r> {
    pub(super) layout: &'static Layout,
    /// The fields of the layout that the record has, in the layout's order.
    pub(super) fields: Vec<FoundField<'r>>,
    /// Names of the record's other fields that have a value, in the order of the record.
    pub(super) unread: Vec<&'r str>,
}

/// A field of a layout in a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundField<'r> {
    pub(super) part: Part,
    /// Name in the layout.
    pub(super) usual: &'static str,
    /// Name in the record; of a field inside another, that of the outer one.
    pub(super) name: &'r str,
    /// Name inside the outer field, if there is one.
    pub(super) inner: Option<&'static str>,
    pub(super) value: &'r Value,
}

impl FoundField<'_> {
    /// Name of the field, `question.stem` for one inside another.
    pub(super) fn path(&self) -> String {
        self.inner.map_or_else(|| self.name.to_owned(), |inner| format!("{}.{inner}", self.name))
    }
}

impl<'r> Recognized<'r> {
    /// Finds the layout of a record.
    ///
    /// # Errors
    /// A field is a misspelled one of the layout, or no layout has its needed fields; the error names the nearest layout.
    pub(super) fn of(record: &'r Record) -> Result<Self, BadField> {
        let names = Names::of(record);
        let recognized = LAYOUTS.iter().find_map(|layout| names.read_as(layout));
        let recognized = recognized.ok_or_else(|| names.problem())?;
        match recognized.unread.iter().find_map(|name| Some((name, misspelled(name, &recognized)?))) {
            Some((name, meant)) => Err(misspelling(name, meant)),
            None => Ok(recognized),
        }
    }

    /// The field of a part.
    pub(super) fn field(&self, part: Part) -> Option<&FoundField<'r>> {
        self.fields.iter().find(|field| field.part == part)
    }
}

/// The fields of a record by their folded names.
struct Names<'r> {
    record: &'r Record,
    by_folded_name: HashMap<String, &'r str>,
    is_table: bool,
}

impl<'r> Names<'r> {
    fn of(record: &'r Record) -> Self {
        let mut by_folded_name = HashMap::with_capacity(record.fields.len());
        for name in record.fields.keys() {
            by_folded_name.entry(folded(name)).or_insert(name.as_str());
        }
        Self { record, by_folded_name, is_table: is_table(&record.file) }
    }

    /// The field that is called `name`, with this spelling if there is one; a value may be anything.
    fn any(&self, name: &str) -> Option<(&'r str, &'r Value)> {
        let exact = self.record.fields.get_key_value(name);
        exact.map(|(name, value)| (name.as_str(), value)).or_else(|| {
            let name = *self.by_folded_name.get(&folded(name))?;
            Some((name, self.record.fields.get(name)?))
        })
    }

    /// A field with a value, by one name of the layout.
    fn named(&self, part: Part, usual: &'static str) -> Option<FoundField<'r>> {
        let flat = self.any(usual).filter(|(_, value)| self.is_given(part, value));
        if let Some((name, value)) = flat {
            // An object has its parts by names of their own, such as `question.stem`.
            let has_parts = part == Part::Question && value.is_object();
            return (!has_parts).then_some(FoundField { part, usual, name, inner: None, value });
        }
        let (outer, inner) = usual.split_once('.')?;
        let (name, value) = self.any(outer)?;
        let value = value.get(inner).filter(|value| self.is_given(part, value))?;
        Some(FoundField { part, usual, name, inner: Some(inner), value })
    }

    /// Returns true if a value counts as given: not null, and no empty text. A text of blanks may stand between prompt and answer.
    fn is_given(&self, part: Part, value: &Value) -> bool {
        match value.as_str() {
            Some(text) if part == Part::Delimiter => !(self.is_table && text.is_empty()),
            Some(text) => !text.trim().is_empty(),
            None => !value.is_null(),
        }
    }

    /// The values of a layout's field in the record: at most one, or one for each column of choices.
    fn values(&self, field: &LayoutField) -> Vec<FoundField<'r>> {
        let all = field.names.iter().map_while(|name| self.named(field.part, name));
        match field.part {
            // A single column is no choice.
            Part::Column => Some(all.collect::<Vec<_>>()).filter(|columns| columns.len() > 1).unwrap_or_default(),
            _ => field.names.iter().find_map(|name| self.named(field.part, name)).into_iter().collect(),
        }
    }

    fn read_as(&self, layout: &'static Layout) -> Option<Recognized<'r>> {
        if layout.fields.iter().any(|field| field.is_needed && self.values(field).is_empty()) {
            return None;
        }
        let fields: Vec<_> = layout.fields.iter().flat_map(|field| self.values(field)).collect();
        let read: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let unread = self
            .record
            .fields
            .iter()
            .filter(|(name, value)| !read.contains(&name.as_str()) && self.is_given(Part::Meta, value));
        let unread = unread.map(|(name, _)| name.as_str()).collect();
        Some(Recognized { layout, fields, unread })
    }

    /// The error for a record that has no layout.
    fn problem(&self) -> BadField {
        let (layout, missing) = self.nearest();
        let missing = missing.expect("a needed field is missing, or the record would have this layout");
        // Unread names may be misspellings of what is missing.
        let fields = self.record.fields.keys();
        if let Some((name, meant)) = fields.into_iter().find_map(|name| Some((name, near(name, missing.names)?))) {
            return misspelling(name, meant);
        }
        let usual = missing.names[0];
        if let Some((name, value)) = missing.names.iter().find_map(|name| self.any(name)) {
            let found =
                if value.is_null() { "expected a value, found null" } else { "expected a text, found an empty one" };
            return BadField::new(name, found);
        }
        let found: Vec<&str> = self.record.fields.keys().map(String::as_str).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { listed(&found) };
        let expected = match missing.part {
            Part::Answer => "expected an answer or choices".to_owned(),
            Part::Gold => "expected the right choice".to_owned(),
            _ => "expected this field".to_owned(),
        };
        BadField::new(
            usual,
            format!(
                "{expected}, found {found}; the nearest layout is \"{}\" ({}). For other fields, the setting `prompt` and \
                 the setting `answer` (or the setting `choices` and the setting `gold`) are templates, such as '{{{{ {} }}}}'",
                layout.name,
                needs(layout),
                self.record.fields.keys().next().map_or("text", String::as_str),
            ),
        )
    }

    /// The layout of which the record has the most needed fields, and the first one that it misses.
    fn nearest(&self) -> (&'static Layout, Option<&'static LayoutField>) {
        let mut best = (0, 0, plain(), None);
        for layout in LAYOUTS.iter().rev() {
            let needed = || layout.fields.iter().filter(|field| field.is_needed);
            let missing = needed().filter(|field| self.values(field).is_empty());
            let (found, first) = (needed().count() - missing.clone().count(), missing.clone().next());
            let n_missing = missing.count();
            // Of equally near ones the plainest, or else the first of the table.
            let is_nearer = n_missing < best.1 || (n_missing == best.1 && !std::ptr::eq(best.2, plain()));
            if best.3.is_none() || found > best.0 || (found == best.0 && found > 0 && is_nearer) {
                best = (found, n_missing, layout, first);
            }
        }
        (best.2, best.3)
    }
}

/// The needed fields of a layout, as an error lists them.
fn needs(layout: &Layout) -> String {
    let needed = layout.fields.iter().filter(|field| field.is_needed);
    needed.map(|field| format!("`{}`", field.names[0])).collect::<Vec<_>>().join(", ")
}

/// Longest name of a field that a message shows whole, in characters, and largest number of names that it lists.
const SHOWN: (usize, usize) = (40, 20);

/// Names of fields, as a message lists them.
pub(super) fn listed(names: &[&str]) -> String {
    let (length, number) = SHOWN;
    let brief = |name: &&str| match name.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => (*name).to_owned(),
    };
    let shown = names.iter().take(number).map(brief).collect::<Vec<_>>().join(", ");
    if names.len() > number { format!("{shown} and {} more", names.len() - number) } else { shown }
}

/// The name that an unread field was probably meant to have: one of a part that the layout has and the record lacks.
fn misspelled(name: &str, recognized: &Recognized<'_>) -> Option<&'static str> {
    // The usual names only: other spellings are too many, and some are words that another column may well have.
    let absent = recognized.layout.fields.iter().filter(|field| recognized.field(field.part).is_none());
    near(name, absent.filter(|field| field.part != Part::Meta).map(|field| &field.names[0]))
}

/// The known name that `name` is nearly; none if `name` is a name of some layout itself.
fn near<'n>(name: &str, known: impl IntoIterator<Item = &'n &'static str>) -> Option<&'static str> {
    let word = folded(name);
    let known: Vec<(String, &'static str)> = known.into_iter().map(|name| (folded(name), *name)).collect();
    let meant = nearest(&word, known.iter().map(|(folded, _)| folded.as_str()))?;
    known.iter().find(|(folded, _)| folded == meant).map(|(_, name)| *name).filter(|_| !is_known(&word))
}

fn misspelling(name: &str, meant: &str) -> BadField {
    BadField::new(name, format!("unknown field: did you mean `{meant}`? If not, rename it, so that it is ignored"))
}
