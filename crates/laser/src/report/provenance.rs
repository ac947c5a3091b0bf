//! Provenance: takes results, gives the table of everything that produced them, at the end of the page.

use super::table::{Cell, Table};
use crate::results::number_format::count;
use crate::results::setting_text::{setting_rows, words};
use crate::results::{Host, Manifest, Results};

/// Bytes of a gibibyte.
const GIB: f64 = (1u64 << 30) as f64;

/// Everything that produced the results, as a table in the groups run, model and task, search, settings, seeds. Empty
/// values have no row.
pub(super) fn table(results: &Results) -> Table {
    let manifest = &results.manifest;
    let groups = [
        ("Run", run(manifest)),
        ("Model and task", model_and_task(manifest)),
        ("Search", search(results)),
        ("Settings", setting_rows(&manifest.config)),
        ("Seeds", manifest.seeds.iter().map(|(name, seed)| (words(name), seed.to_string())).collect()),
    ];
    let mut table = Table::new("provenance", "Where these numbers come from", &["name", "value", "part"]);
    for (group, rows) in groups {
        for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
            table.push(vec![Cell::new(name), Cell::new(value), Cell::new(group)], false);
        }
    }
    table
}

fn run(manifest: &Manifest) -> Vec<(String, String)> {
    let tool = match &manifest.git_hash {
        Some(hash) => format!("laser {} ({hash})", manifest.tool_version),
        None => format!("laser {}", manifest.tool_version),
    };
    let mut rows = vec![("tool", tool)];
    if let Some(Host { command, seconds, processor, cores, memory, system }) = &manifest.host {
        let processor = if processor.is_empty() { "processor unknown" } else { processor };
        let machine = format!("{processor}, {} threads, {:.1} GiB, {system}", count(*cores), *memory as f64 / GIB);
        rows.extend([("command", command.clone()), ("time", duration(*seconds)), ("machine", machine)]);
    }
    rows.extend([
        ("date", manifest.date.as_deref().map_or_else(String::new, date)),
        ("device", format!("{}, {}", manifest.device, manifest.dtype)),
        ("threads", manifest.threads.to_string()),
    ]);
    owned(rows)
}

fn model_and_task(manifest: &Manifest) -> Vec<(String, String)> {
    owned(vec![
        ("model", manifest.model.path.clone()),
        ("model’s SHA-256", manifest.model.sha256.clone()),
        ("architecture", manifest.model.architecture.clone()),
        ("task", manifest.task.name.clone()),
        ("task’s SHA-256", manifest.task.sha256.clone()),
    ])
}

fn search(results: &Results) -> Vec<(String, String)> {
    let search = &results.search;
    let space = &search.space;
    owned(vec![
        ("protocol", search.protocol.clone()),
        ("strategy", search.strategy.clone()),
        ("edits tried", count(search.trials)),
        ("items scored, all edits together", count(search.items_asked)),
        ("layers", ranges(&space.layers)),
        ("matrices", space.matrices.join(", ")),
        ("keep", space.rhos.join(", ")),
    ])
}

fn owned(rows: Vec<(&str, String)>) -> Vec<(String, String)> {
    rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A time span: `4 min 12 s`.
fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) => format!("{seconds:.1} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A time in ISO 8601 without its `T` and its fractions of a second: `2026-11-30 22:05:07 UTC`.
fn date(date: &str) -> String {
    let (day, time) = date.split_once('T').unwrap_or((date, ""));
    let time = time.trim_end_matches('Z').split('.').next().unwrap_or("");
    let zone = if date.ends_with('Z') { " UTC" } else { "" };
    format!("{day} {time}{zone}").trim_end().to_owned()
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
    fn times_are_written_for_readers() {
        assert_eq!([0.123, 59.9, 252.0, 7_300.0].map(duration).join(", "), "0.1 s, 1 min 0 s, 4 min 12 s, 2 h 1 min");
        assert_eq!(date("2026-11-30T22:05:07.123Z"), "2026-11-30 22:05:07 UTC");
        assert_eq!(date("2025-11-22"), "2025-11-22");
    }

    #[test]
    fn consecutive_layers_are_joined() {
        assert_eq!(ranges(&[0, 1, 2, 5, 8, 9]), "0–2, 5, 8–9");
        assert_eq!(ranges(&[]), "");
    }
}
