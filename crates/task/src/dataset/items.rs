//! From rows to items: takes a task's reading of one row, gives the items of all, and decides about bad rows.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::{BadField, Records};
use crate::error::{Error, Result};
use crate::setup::TaskOptions;
use crate::task::Item;

impl Records {
    /// The items that `of` makes of each row (none is fine: the row is not asked), each with its row as the document;
    /// and a sentence for each row that was left out, because `setup` says so, those of the reading first.
    ///
    /// # Errors
    /// A row is bad: `of` refuses it, it makes an item without an answer or with a right choice that is none, or one
    /// whose id stands in an earlier row. All rows are bad.
    pub fn items(
        self,
        setup: &TaskOptions<'_>,
        mut of: impl FnMut(&super::Record) -> Result<Vec<Item>, BadField>,
    ) -> Result<(Vec<Item>, Vec<String>)> {
        let Self { file, rows, mut skipped } = self;
        let (mut all, mut places) = (Vec::new(), HashMap::new());
        let mut good = 0;
        for row in rows {
            let items = of(&row).and_then(|items| {
                let place = format!("{}: {}", row.file.display(), row.place);
                items.iter().try_for_each(|item| check(item, &places))?;
                places.extend(items.iter().map(|item| (item.id.clone(), place.clone())));
                Ok(items)
            });
            match items {
                Ok(mut items) => {
                    good += 1;
                    let doc = Arc::new(Value::Object(row.fields));
                    items.iter_mut().for_each(|item| item.doc = Arc::clone(&doc));
                    all.append(&mut items);
                }
                Err(bad) if setup.skip_bad => skipped.push(row.error(&bad).to_string()),
                Err(bad) => return Err(row.error(&bad)),
            }
        }
        if let (0, Some(first)) = (good, skipped.first()) {
            let problem = format!("expected a good row, found {} bad ones; the first: {first}", skipped.len());
            return Err(Error::Task { file: file.display().to_string(), place: "rows".to_owned(), problem });
        }
        Ok((all, skipped))
    }
}

/// What holds of the items of every task; `places` has the ids of earlier rows.
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
