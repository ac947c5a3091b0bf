//! The account of how a file of questions was read: the layouts of its records, the part that each field became, and the
//! fields that were not read.

use std::collections::HashSet;

use super::layout::{Layout, Part};
use super::recognize::{Recognized, listed};
use super::settings::QuestionSettings;
use crate::dataset::Records;

/// The account of how a file was read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The layouts of its records, in the order of their first appearance.
    pub layouts: Vec<ReadLayout>,
    /// Names of fields that were not read, in the order of their first appearance.
    pub unread: Vec<String>,
    /// Names of the fields of a JSON document beside its list of records.
    pub beside: Vec<String>,
    /// Settings that were used, with their texts: templates, and where the records are.
    pub settings: Vec<(&'static str, String)>,
    seen_unread: HashSet<String>,
}

/// A layout that records of a file have.
#[derive(Debug, Clone)]
pub struct ReadLayout {
    /// Name of the layout.
    pub name: &'static str,
    /// Number of records.
    pub records: usize,
    /// Each field with what it became.
    pub fields: Vec<ReadField>,
    layout: &'static Layout,
}

/// A field with what it became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadField {
    /// Name in the file, `question.stem` for a field inside another.
    pub name: String,
    /// The part that it became.
    pub part: Part,
    /// True if the name is the usual one of the part.
    is_usual: bool,
}

impl Reading {
    /// The account before the first record.
    pub(super) fn new(records: &Records, settings: &QuestionSettings) -> Self {
        let settings = settings.given().into_iter().map(|(name, text)| (name, text.to_owned())).collect();
        Self { beside: records.beside.clone(), settings, ..Self::default() }
    }

    /// Adds a record. `renamed`: names of fields that a template made, with the names of the settings.
    pub(super) fn add(&mut self, recognized: &Recognized<'_>, renamed: &[(&'static str, &'static str)]) {
        let known = self.layouts.iter().position(|read| std::ptr::eq(read.layout, recognized.layout));
        let at = known.unwrap_or_else(|| {
            let Recognized { layout, .. } = *recognized;
            self.layouts.push(ReadLayout { name: layout.name, records: 0, fields: Vec::new(), layout });
            self.layouts.len() - 1
        });
        let read = &mut self.layouts[at];
        read.records += 1;
        for field in &recognized.fields {
            let setting = renamed.iter().find(|(_, name)| *name == field.name).map(|(setting, _)| setting);
            let name = setting.map_or_else(|| field.path(), |setting| format!("the setting `{setting}`"));
            let is_usual = field.part == Part::Column || (setting.is_none() && name == first_name(field.part, read));
            let field = ReadField { name, part: field.part, is_usual };
            if !read.fields.contains(&field) {
                read.fields.push(field);
            }
        }
        // What templates read is theirs to know.
        if renamed.is_empty() {
            for name in &recognized.unread {
                if !self.seen_unread.contains(*name) {
                    self.seen_unread.insert((*name).to_owned());
                    self.unread.push((*name).to_owned());
                }
            }
        }
    }

    /// Remarks for the user: how the file was read, where it is not in Laser's own words, and what was not read.
    pub fn notes(&self, file: &str) -> Vec<String> {
        let is_own = |read: &ReadLayout| {
            OWN.contains(&read.name) && read.fields.iter().all(|field| field.is_usual && field.part != Part::Passage)
        };
        let mut notes = Vec::new();
        if !self.layouts.iter().all(is_own) {
            let read: Vec<String> = self.layouts.iter().map(ReadLayout::words).collect();
            notes.push(format!("{file}: read as {}", read.join("; and ")));
        }
        if !self.unread.is_empty() {
            let names: Vec<&str> = self.unread.iter().map(String::as_str).collect();
            notes.push(format!("{file}: not read: {}", listed(&names)));
        }
        if !self.beside.is_empty() && !self.settings.iter().any(|(name, _)| *name == "records") {
            let names: Vec<&str> = self.beside.iter().map(String::as_str).collect();
            notes.push(format!("{file}: not read, beside the list of records: {}", listed(&names)));
        }
        notes
    }
}

/// Layouts that a file in Laser's own words has, of which no note is needed.
const OWN: [&str; 2] = ["question and answer", "question with choices"];

fn first_name(part: Part, read: &ReadLayout) -> &'static str {
    read.layout.names_of(part).first().copied().unwrap_or_default()
}

impl ReadLayout {
    /// The layout in words: its name, and each field with what it became.
    fn words(&self) -> String {
        let field = |field: &ReadField| {
            let name =
                if field.name.starts_with("the setting") { field.name.clone() } else { format!("`{}`", field.name) };
            format!("{name} is {}", field.part.words())
        };
        let fields: Vec<String> = self.fields.iter().map(field).collect();
        format!("\"{}\": {}", self.name, fields.join(", "))
    }
}
