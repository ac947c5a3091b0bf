//! A set of levels with the manifest that says how it was made.

use std::collections::BTreeSet;
use std::path::Path;

use laser::Result;
use laser::sokoban::LevelSet;
use laser_sokoban::Part;
use serde_json::{Value, json};

/// Levels that can be written, with what there is to say about them.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeLevels {
    /// The levels and their demonstrations.
    pub set: LevelSet,
    /// All settings, seeds and counts.
    pub manifest: Value,
}

impl MadeLevels {
    /// Adds the counts of levels, rooms and demonstrations to `made`, which says where they come from.
    pub(super) fn new(set: LevelSet, made: Value) -> Self {
        let of_part = |part: Part| {
            let levels: Vec<usize> = set.of_part(part);
            let rooms: BTreeSet<_> = levels.iter().map(|index| set.levels[*index].record.room).collect();
            let shown: Vec<usize> =
                levels.iter().filter_map(|index| set.episode(*index)).map(|e| e.demonstration.steps.len()).collect();
            let noisy = levels.iter().filter_map(|index| set.episode(*index)).flat_map(|e| &e.demonstration.steps);
            let wrong = noisy.filter(|step| !step.optimal.contains(step.action)).count();
            let counts = json!({
                "levels": levels.len(),
                "rooms": rooms.len(),
                "demonstrations": shown.len(),
                "steps": shown.iter().sum::<usize>(),
                "steps_not_optimal": wrong,
                "longest": shown.iter().max(),
            });
            (part.name().to_owned(), counts)
        };
        let parts = Part::ALL.into_iter().map(of_part).collect::<serde_json::Map<_, _>>();
        let mut manifest = json!({ "laser": env!("CARGO_PKG_VERSION") });
        manifest["made_by"] = made;
        manifest["parts"] = parts.into();
        Self { set, manifest }
    }

    /// Writes the levels, their demonstrations and the manifest into a new folder.
    ///
    /// # Errors
    /// A folder that has levels already or cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        self.set.write(folder, &self.manifest)
    }
}
