//! Provenance: takes results, gives the table of everything that produced them, at the end of the page.

use serde::Serialize;
use serde_json::Value;

use crate::results::Results;
use crate::results::number_format::count;

/// A row of the table: a setting, an input or a version, and its value.
#[derive(Debug, Serialize)]
pub(super) struct ProvenanceRow {
    name: String,
    value: String,
}

/// The rows: tool, model, task, machine, search, then every setting and every seed. Empty values have no row.
pub(super) fn rows(results: &Results) -> Vec<ProvenanceRow> {
    let manifest = &results.manifest;
    let search = &results.search;
    let space = &search.space;
    let tool = match &manifest.git_hash {
        Some(hash) => format!("laser {} ({hash})", manifest.tool_version),
        None => format!("laser {}", manifest.tool_version),
    };
    let mut rows = vec![
        ("tool".to_owned(), tool),
        ("date".to_owned(), manifest.date.clone().unwrap_or_default()),
        ("model".to_owned(), manifest.model.path.clone()),
        ("model sha256".to_owned(), manifest.model.sha256.clone()),
        ("architecture".to_owned(), manifest.model.architecture.clone()),
        ("task".to_owned(), manifest.task.name.clone()),
        ("task sha256".to_owned(), manifest.task.sha256.clone()),
        ("dtype".to_owned(), manifest.dtype.clone()),
        ("device".to_owned(), manifest.device.clone()),
        ("threads".to_owned(), manifest.threads.to_string()),
        ("protocol".to_owned(), search.protocol.clone()),
        ("strategy".to_owned(), search.strategy.clone()),
        ("trials".to_owned(), count(search.trials)),
        ("items scored, all trials".to_owned(), count(search.items_asked)),
        ("steps of composition".to_owned(), search.steps.join(" → ")),
        ("layers".to_owned(), ranges(&space.layers)),
        ("matrices".to_owned(), space.matrices.join(", ")),
        ("keep".to_owned(), space.rhos.join(", ")),
    ];
    rows.extend(manifest.config.iter().map(|(name, value)| (name.clone(), formatted(value))));
    rows.extend(manifest.seeds.iter().map(|(name, seed)| (format!("seed: {name}"), seed.to_string())));
    rows.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| ProvenanceRow { name, value }).collect()
}

/// A value as text: strings without quotes, everything else as JSON.
fn formatted(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes ascending numbers, with consecutive ones joined: `0–5, 8, 10–29`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, .., last] => format!("{first}–{last}"),
        [only] => only.to_string(),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_layers_are_joined() {
        assert_eq!(ranges(&[0, 1, 2, 5, 8, 9]), "0–2, 5, 8–9");
        assert_eq!(ranges(&[]), "");
    }
}
