//! Turns records into items: takes a function that makes the items of one record, gives the items of all; rejects
//! malformed records, or skips and counts them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::Records;
use super::record::{BadField, Record};
use crate::error::{Error, Result};
use crate::options::TaskOptions;
use crate::task::Item;

impl Records {
    /// Makes the items of all records. `make_items` makes the items of one record, none if the task does not use it.
    /// Each item gets its record as [`Item::doc`]. The second result has a message for each skipped record, first those
    /// skipped while reading the files.
    ///
    /// # Errors
    /// A record is malformed and [`TaskOptions::skip_bad`] is not set: `make_items` fails, or an item has no answer, a
    /// gold index outside its choices, or the id of an earlier record's item. Or all records are malformed.
    pub(crate) fn items(
        self,
        setup: &TaskOptions<'_>,
        mut make_items: impl FnMut(&Record) -> Result<Vec<Item>, BadField>,
    ) -> Result<(Vec<Item>, Vec<String>)> {
        let Self { file, records, mut skipped, .. } = self;
        let (mut all, mut places) = (Vec::new(), HashMap::new());
        let mut good = 0;
        for record in records {
            let items = make_items(&record).and_then(|items| {
                let place = format!("{}: {}", record.file.display(), record.location);
                items.iter().try_for_each(|item| check(item, &places))?;
                places.extend(items.iter().map(|item| (item.id.clone(), place.clone())));
                Ok(items)
            });
            match items {
                Ok(mut items) => {
                    good += 1;
                    let doc = Arc::new(Value::Object(record.fields));
                    for item in &mut items {
                        item.doc = Arc::clone(&doc);
                        item.place = Some(record.location);
                    }
                    all.append(&mut items);
                }
                Err(bad) if setup.skip_bad => skipped.push(record.error(&bad).to_string()),
                Err(bad) => return Err(record.error(&bad)),
            }
        }
        if let (0, Some(first)) = (good, skipped.first()) {
            let problem = format!("expected a good row, found {} bad ones; the first: {first}", skipped.len());
            return Err(Error::Task { file: file.display().to_string(), place: "rows".to_owned(), problem });
        }
        Ok((all, skipped))
    }
}

/// Checks the rules for items of every task. `places`: file and location of each id of earlier records.
fn check(item: &Item, places: &HashMap<String, String>) -> Result<(), BadField> {
    if let Some(place) = places.get(&item.id) {
        return Err(BadField::new("id", format!("expected each id once, found `{}` as in {place}", item.id)));
    }
    if item.answers.is_empty() {
        return Err(BadField::new("answer", "expected at least one, found none"));
    }
    if !item.choices.is_empty() && item.gold >= item.choices.len() {
        let problem = format!("expected an index below {}, found {}", item.choices.len(), item.gold);
        return Err(BadField::new("gold", problem));
    }
    Ok(())
}
