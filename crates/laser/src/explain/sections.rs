//! The page of an explanation.

mod answers;
mod curves;
mod spectra;

pub use spectra::spectra_section;

use crate::page::{Page, Section, Table, Tile};
use crate::results::number_format::{nats, percent, points};
use crate::results::setting_text::{seed_rows, setting_rows};

use super::document::{Explanation, MatrixExplanation, QuestionRecord};

impl Explanation {
    /// The page. `questions`: the records of the items, for the tables of answers.
    pub fn page(&self, questions: &[QuestionRecord]) -> Page {
        let mut sections = vec![self.limits(), answers::examples(self, questions), answers::transitions(self)];
        for matrix in &self.matrices {
            sections.extend([
                answers::classes(matrix, self),
                curves::cosines(matrix),
                curves::removal(matrix),
                curves::at_equal_size(matrix),
                curves::price(matrix),
                curves::nestedness(matrix),
                curves::attribution(matrix),
            ]);
        }
        sections.push(spectra_section(&self.spectra));
        sections.retain(|section| !section.title.is_empty());
        let change = self.edited.acc - self.base.acc;
        Page {
            program: "Laser explain".to_owned(),
            subject: format!("{} of {} on {}", self.edit, self.manifest.model.path, self.manifest.task.name),
            verdict: self.verdict(),
            tiles: vec![
                Tile::new(
                    "right, first token",
                    percent(self.edited.acc),
                    format!("{} without the edit", percent(self.base.acc)),
                ),
                Tile::new(
                    "change",
                    format!("{} points", points(change)),
                    format!("{} fixed, {} broken of {} items", self.fixed, self.broken, self.items),
                ),
                Tile::new(
                    "among the ten likeliest",
                    percent(self.edited.acc10),
                    format!("{} before", percent(self.base.acc10)),
                ),
                Tile::new(
                    "log-loss",
                    nats(self.edited.log_loss - self.base.log_loss),
                    format!("{:.4} before, nats an item", self.base.log_loss),
                ),
            ],
            sections,
            provenance: self.provenance(),
        }
    }

    /// One sentence: what the removed components of the first matrix say to the items that the edit fixes.
    fn verdict(&self) -> String {
        let removed = self.matrices.first().and_then(MatrixExplanation::removed);
        match (removed, self.fixed) {
            (None, _) => String::new(),
            (_, 0) => {
                "The edit fixes none of these items, so that nothing is said about what stood in the way.".to_owned()
            }
            (Some(part), fixed) => {
                let [gold, same_type, generic, other] = part.classes_of_fixed.map(percent);
                format!(
                    "Where the edit fixes an answer ({fixed} items), the removed components alone say the right answer in {gold} \
                     of the cases, a wrong one of the same type in {same_type}, a generic word in {generic}, anything else in \
                     {other}."
                )
            }
        }
    }

    /// The limits of the numbers.
    fn limits(&self) -> Section {
        let mut text = vec![
            "Only the first token of an answer is read: an item is right if the likeliest token begins a right answer, or if the \
             right choice is likelier than the others. A class is gold (a right answer), same type (right for another item of the \
             relation), generic (a function word, a mark, or a frequent answer that is right nowhere), or other."
                .to_owned(),
            "The fixed items were selected by the edit, so that the kept components say the right answer there by construction. The \
             numbers of all items stand beside them."
                .to_owned(),
        ];
        if self.split == laser_statistics::Split::All {
            text.push(
                "These are all items, among them those on which the edit may have been chosen: differences between the edit and the \
                 unedited model are no proof. The test split of a search is."
                    .to_owned(),
            );
        }
        text.extend(self.notes.iter().cloned());
        Section { title: "How to read this".to_owned(), text, ..Section::default() }
    }

    fn provenance(&self) -> Vec<(String, String)> {
        let manifest = &self.manifest;
        let mut rows = [
            ("program", format!("laser explain, version {}", manifest.tool_version)),
            ("model", format!("{} ({})", manifest.model.path, manifest.model.sha256)),
            ("task", format!("{} ({})", manifest.task.name, manifest.task.sha256)),
            ("items", format!("{} in {} groups, split {}", self.items, self.groups, self.split)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        rows.extend(setting_rows(&manifest.config));
        rows.extend(seed_rows(&manifest.seeds));
        rows
    }
}

/// A table of texts.
fn text_table(caption: &str, header: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { texts: true, ..Table::new(caption, header, rows) }
}
