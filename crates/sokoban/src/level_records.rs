//! `levels.jsonl`: one level a line, with its room, its part and its optimal length.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::level::Level;
use crate::part::Part;
use crate::room_id::RoomId;

/// Name of the file in a folder of levels.
pub const LEVELS_FILE: &str = "levels.jsonl";

/// One line of `levels.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelRecord {
    /// Name of the level, different from all others.
    pub id: String,
    /// Identity of its room ([`RoomId::of`]).
    pub room: RoomId,
    /// Part of the set of levels; the same for all levels of a room.
    pub split: Part,
    /// The level in text form ([`Level::parse`]).
    pub rows: Vec<String>,
    /// Least number of moves, walks included, that solve the level; `None` if it is not known.
    pub optimal: Option<u32>,
}

/// A level with its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLevel {
    /// The line of the file.
    pub record: LevelRecord,
    /// The level of its rows.
    pub level: Level,
}

/// The lines of `levels.jsonl`.
pub fn levels_text<'a>(records: impl IntoIterator<Item = &'a LevelRecord>) -> String {
    let line = |record: &LevelRecord| serde_json::to_string(record).expect("strings and numbers are JSON") + "\n";
    records.into_iter().map(line).collect()
}

/// Reads the text of a `levels.jsonl`; `file` names it in errors.
///
/// # Errors
/// A line that is no record, a level that cannot be played, a room that is not the level's, a name that comes twice, a
/// room in two parts, or no levels, with the line.
pub fn parse_records(file: &Path, text: &str) -> Result<Vec<RecordedLevel>> {
    let wrong = |line: usize, problem: String| Error::file(file, format!("line {}", line + 1), problem);
    let mut levels: Vec<RecordedLevel> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut parts = std::collections::BTreeMap::new();
    for (line, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let record: LevelRecord = serde_json::from_str(text).map_err(|e| wrong(line, e.to_string()))?;
        let level = Level::parse(&record.rows).map_err(|e| wrong(line, format!("level {}: {e}", record.id)))?;
        let room = RoomId::of(&level.room);
        if room != record.room {
            return Err(wrong(line, format!("room: expected {room} by the rows, found {}", record.room)));
        }
        if !ids.insert(record.id.clone()) {
            return Err(wrong(line, format!("id: expected different names, found {:?} twice", record.id)));
        }
        if *parts.entry(room).or_insert(record.split) != record.split {
            return Err(wrong(line, format!("split: expected the same for all levels of room {room}, found two")));
        }
        levels.push(RecordedLevel { record, level });
    }
    match levels.is_empty() {
        true => Err(Error::file(file, "the file", "expected at least one level, found none")),
        false => Ok(levels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, rows: &[&str]) -> LevelRecord {
        let level = Level::parse(rows).expect("a level");
        let rows = rows.iter().map(|row| (*row).to_owned()).collect();
        LevelRecord { id: id.to_owned(), room: RoomId::of(&level.room), split: Part::Search, rows, optimal: Some(2) }
    }

    fn error(records: &[LevelRecord]) -> String {
        parse_records(Path::new("levels.jsonl"), &levels_text(records)).expect_err("is refused").to_string()
    }

    #[test]
    fn records_are_read_back_and_checked() {
        let first = record("a", &["######", "#@ $.#", "######"]);
        let second = record("b", &["######", "# @$.#", "######"]);
        let text = levels_text([&first, &second]);
        assert!(text.starts_with(r##"{"id":"a","room":""##) && text.contains(r#""split":"search""#), "{text}");
        let read = parse_records(Path::new("levels.jsonl"), &text).expect("two levels");
        assert_eq!(read.into_iter().map(|level| level.record).collect::<Vec<_>>(), [first.clone(), second.clone()]);

        assert!(error(&[]).contains("expected at least one level, found none"));
        assert!(
            error(&[first.clone(), first.clone()]).contains("line 2: id: expected different names, found \"a\" twice")
        );
        let elsewhere = LevelRecord { split: Part::Test, ..second.clone() };
        assert!(error(&[first.clone(), elsewhere]).contains("line 2: split: expected the same for all levels of room"));
        let ragged = LevelRecord { rows: vec!["####".into(), "#@$.#".into(), "#####".into()], ..first.clone() };
        assert!(error(&[ragged]).contains("line 1: level a: ragged rows"));
        let other = LevelRecord { room: "0123456789abcdef".parse().expect("a room"), ..first };
        assert!(error(&[other]).contains("by the rows, found 0123456789abcdef"));
        let unknown = text.replace("\"optimal\"", "\"best\"");
        let unknown = parse_records(Path::new("l"), &unknown).expect_err("is refused").to_string();
        assert!(unknown.contains("unknown field `best`"), "{unknown}");
    }
}
