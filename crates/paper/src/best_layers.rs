//! Figure 9: for each data set and matrix, the layer and share with the highest accuracy.

use std::collections::BTreeMap;

use laser::Result;
use laser::page::{Section, Table};
use laser::results::number_format::points;
use laser::session::TriedEdit;
use serde_json::json;

use crate::outcome::Outcome;
use crate::workshop::{Way, Workshop};

pub(crate) fn run(workshop: &Workshop<'_>) -> Result<Outcome> {
    workshop.main_data_set()?;
    let (mut rows, mut numbers) = (Vec::new(), serde_json::Map::new());
    let mut layers: Vec<usize> = Vec::new();
    for (set, path) in workshop.found() {
        let tasks = workshop.tasks(set, &path, Way::Paper)?;
        let found = workshop.search(set, &tasks, Way::Paper)?;
        let mut best: BTreeMap<String, &TriedEdit> = BTreeMap::new();
        for tried in &found.tried {
            let Some((id, _)) = tried.edit.as_single() else { continue };
            let entry = best.entry(id.in_layer()).or_insert(tried);
            if tried.gain > entry.gain {
                *entry = tried;
            }
        }
        let top = best.values().max_by(|a, b| a.gain.total_cmp(&b.gain));
        layers.extend(top.and_then(|tried| tried.edit.first_layer()));
        for (matrix, tried) in &best {
            rows.push(vec![
                set.name.to_owned(),
                matrix.clone(),
                tried.edit.to_string(),
                points(tried.gain),
                tried.items.to_string(),
            ]);
        }
        let of_matrix = best.iter().map(|(matrix, tried)| {
            (matrix.clone(), json!({"edit": tried.edit.to_string(), "gain": tried.gain, "items": tried.items}))
        });
        numbers.insert(set.task.to_owned(), of_matrix.collect::<serde_json::Map<_, _>>().into());
    }
    layers.sort_unstable();
    layers.dedup();
    let header = ["data set", "matrix", "best edit", "gain, points", "items"];
    let mut text = vec![
        "The edit with the highest accuracy on the first fifth of the items, which is where it was chosen: expect less elsewhere.".to_owned(),
    ];
    text.extend(workshop.missing());
    Ok(Outcome {
        verdict: format!("The best edits of {} data sets lie in {} different layers.", numbers.len(), layers.len()),
        tiles: Vec::new(),
        sections: vec![Section {
            title: "The best layer of each matrix".to_owned(),
            text,
            tables: vec![Table { texts: true, ..Table::new("", &header, rows) }],
            ..Section::default()
        }],
        numbers: numbers.into(),
    })
}
