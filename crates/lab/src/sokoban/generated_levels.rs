//! Levels of our own: the generator's settings → a set of levels.

use laser::sokoban::LevelSet;
use laser::{Observer, Result};
use laser_sokoban::{Episode, GeneratedLevel, GeneratorSettings, LevelRecord, RecordedLevel, generate};
use serde_json::json;

use super::made_levels::MadeLevels;

/// Name of the stage in reports of progress.
const STAGE: &str = "rooms";

/// Makes levels on all threads of the current pool; the result does not depend on their number.
///
/// # Errors
/// Settings that cannot be used or met; if the observer stops the work.
pub fn generate_levels(settings: &GeneratorSettings, observer: &dyn Observer) -> Result<MadeLevels> {
    let (levels, counts) = generate(settings, |rooms| {
        observer.progress(STAGE, rooms, settings.rooms);
        !observer.stopped()
    })?;
    let mut set = LevelSet::default();
    let mut number_in_room = 0;
    for (index, made) in levels.into_iter().enumerate() {
        let GeneratedLevel { level, room, part, optimal, demonstration } = made;
        let is_new = set.levels.last().is_none_or(|last| last.record.room != room);
        number_in_room = if is_new { 0 } else { number_in_room + 1 };
        let record = LevelRecord {
            id: format!("{room}-{number_in_room}"),
            room,
            split: part,
            rows: level.rows(),
            optimal: Some(u32::try_from(optimal).expect("at most as many moves as the settings allow")),
        };
        set.levels.push(RecordedLevel { record, level });
        set.episodes.push(Episode { level: index, demonstration });
    }
    let made = json!({ "generator": settings, "counts": counts });
    Ok(MadeLevels::new(set, made))
}
