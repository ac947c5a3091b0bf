//! The user's own questions: takes records in one of the public layouts, or in any other by templates, gives a task.
//!
//! [`mod@layout`] has the table of layouts, `recognize` finds the one of a record, `item` makes the item of it (with `values`
//! and `turns`, which read what files put into fields), `templates` makes it of other records as the
//! user's settings say, and [`Reading`] tells what
//! each field became. In tables, lists are written as JSON, `["red", "blue"]`, and an empty cell means that the record does
//! not have the field.
//!
//! The question is the prompt as it stands. The answer follows after one space, unless the prompt ends in white space or
//! the record says otherwise (`target_delimiter`).

mod item;
pub mod layout;
mod reading;
mod recognize;
pub(crate) mod settings;
mod templates;
mod turns;
mod values;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use layout::{LAYOUTS, Layout, Part};
pub use reading::{ReadField, ReadLayout, Reading};
pub use settings::QuestionSettings;

use crate::dataset::{BadField, DatasetLayout, Record, Records};
use crate::error::{Error, Result};
use crate::options::TaskOptions;
use crate::score::Score;
use crate::task::{Item, Task};
use item::{has_copies, item, listed_gold};
use recognize::Recognized;
use templates::Templates;
use values::Gold;

/// Name of the task whose records come from standard input ([`TaskOptions::input`]).
pub const STANDARD_INPUT: &str = "-";

/// A file of questions as a task, with what its fields became.
#[derive(Debug, Clone)]
pub struct Questions {
    /// The task. Its default score is [`Score::CHOICE`] if every item has choices, else [`Score::GENERATE`].
    pub task: Task,
    /// The account of how the file was read.
    pub reading: Reading,
}

impl Questions {
    /// Reads the file at `path`, or the standard input where the path is [`STANDARD_INPUT`].
    ///
    /// # Errors
    /// The file cannot be read; a record is malformed and is not to be skipped; all records are malformed; the right
    /// choices are counted from 1; a template that does not suit the records.
    pub fn open(path: &Path, setup: &TaskOptions<'_>) -> Result<Self> {
        let settings = setup.questions;
        let list = DatasetLayout { files: &[], list: settings.records.as_deref() };
        let records = if path.as_os_str() == STANDARD_INPUT {
            let input =
                setup.input.ok_or_else(|| Error::setting("task", "`-` is the standard input, which is not given"))?;
            Records::of_bytes(Path::new("stdin"), input, &list, setup.skip_bad)?
        } else {
            templates::check_records(settings, path)?;
            Records::open(path, &list, setup.skip_bad)?
        };
        let name = records.file.display().to_string();
        let templates = Templates::new(settings, &records)?;
        check_counted_from_0(&records, templates.as_ref(), &name)?;
        let mut reading = Reading::new(&records, settings);
        let (mut copies, mut numbers) = (Copies::default(), 0..);
        let (items, skipped) = records.items(setup, |record| {
            let number = numbers.next().unwrap_or_default();
            let of_templates = templates.as_ref().map(|templates| templates.apply(record, number)).transpose()?;
            let read = of_templates.as_ref().unwrap_or(record);
            let recognized = Recognized::of(read)?;
            let renamed: Vec<_> = templates.iter().flat_map(Templates::fields).collect();
            check_used(&recognized, &renamed)?;
            let item = item(read, &recognized, settings.target_delimiter.as_deref())?;
            copies.add(record, &item);
            reading.add(&recognized, &renamed);
            Ok(vec![item])
        })?;
        let score = if items.iter().all(|item| !item.choices.is_empty()) { Score::CHOICE } else { Score::GENERATE };
        let mut notes = reading.notes(&name);
        notes.extend(copies.note(&name));
        Ok(Self { task: Task { skipped, notes, ..Task::new(name, items, score)? }, reading })
    }
}

/// Checks that the layout reads what every template makes.
fn check_used(recognized: &Recognized<'_>, renamed: &[(&'static str, &'static str)]) -> Result<(), BadField> {
    let unused = renamed.iter().find(|(_, name)| recognized.fields.iter().all(|field| field.name != *name));
    match unused {
        None => Ok(()),
        Some((setting, _)) => {
            let layout = recognized.layout.name;
            let problem = format!("the layout \"{layout}\" does not read it: write the other parts as templates, too");
            Err(BadField::new(setting, problem))
        }
    }
}

/// Checks that the right choices are not counted from 1: then none is 0, and some are as many as there are choices.
///
/// # Errors
/// They are, also where malformed records are skipped: those that are left would all be wrong.
fn check_counted_from_0(records: &Records, templates: Option<&Templates>, name: &str) -> Result<()> {
    let (mut numbers, mut beyond) = (0, Vec::new());
    for (i, record) in records.records.iter().enumerate() {
        let of_templates = templates.map(|templates| templates.apply(record, i));
        let Ok(read) = of_templates.as_ref().map_or(Ok(record), Result::as_ref) else { continue };
        let gold = Recognized::of(read).ok().and_then(|recognized| listed_gold(&recognized));
        match gold {
            Some((Gold::Number(0), _)) => return Ok(()),
            Some((Gold::Number(number), choices)) => {
                numbers += 1;
                if usize::try_from(number) == Ok(choices) {
                    beyond.push(record.location);
                }
            }
            _ => {}
        }
    }
    // A single number too large is a slip, which its own error names.
    let Some(first) = beyond.first().filter(|_| numbers > 1) else { return Ok(()) };
    let problem = format!(
        "the right choices are counted from 1: of {numbers} none is 0, and {} equal the number of choices. Laser counts from \
         0: subtract 1, with the setting `gold` for instance, '{{{{ FIELD - 1 }}}}'",
        beyond.len()
    );
    Err(Error::Task { file: name.to_owned(), place: first.to_string(), problem })
}

/// Items that offer a wrong choice twice, which changes no result and is worth a word.
#[derive(Debug, Default)]
struct Copies {
    places: Vec<String>,
}

impl Copies {
    fn add(&mut self, record: &Record, item: &Item) {
        if has_copies(&item.choices) {
            self.places.push(record.location.to_string());
        }
    }

    fn note(&self, name: &str) -> Option<String> {
        let first = self.places.first()?;
        let n = self.places.len();
        let (items, place) = if n == 1 { ("item offers", "") } else { ("items offer", "the first: ") };
        Some(format!("{name}: {n} {items} a wrong choice more than once ({place}{first})"))
    }
}
