//! A set of levels on disk: a folder with `levels.jsonl`, `episodes.bin` and `manifest.json`.

use std::path::Path;

use laser_checkpoint::write_atomically;
use laser_sokoban::episodes::{EPISODES_FILE, Episode, episodes_bytes, parse_episodes};
use laser_sokoban::level_records::{LEVELS_FILE, levels_text, parse_records};
use laser_sokoban::{Part, RecordedLevel};
use serde_json::Value;

use crate::error::{Error, Result};

/// Name of the file that says how the levels were made.
const MANIFEST: &str = "manifest.json";

/// Levels, each with its room and part, and demonstrations of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LevelSet {
    /// The levels, in the order of the file.
    pub levels: Vec<RecordedLevel>,
    /// Demonstrations, at most one a level, in the order of the levels.
    pub episodes: Vec<Episode>,
}

impl LevelSet {
    /// Reads a folder of levels, and checks all of it.
    ///
    /// # Errors
    /// Files that are missing or malformed, or do not belong together.
    pub fn open(folder: &Path) -> Result<Self> {
        let (levels, episodes) = (folder.join(LEVELS_FILE), folder.join(EPISODES_FILE));
        if folder.is_dir() && !levels.exists() {
            return Err(Error::setting("data", format!("{}: expected a {LEVELS_FILE}, found none", folder.display())));
        }
        let text = std::fs::read_to_string(&levels).map_err(Error::io(&levels))?;
        let bytes = std::fs::read(&episodes).map_err(Error::io(&episodes))?;
        let records = parse_records(&levels, &text)?;
        let episodes = parse_episodes(&episodes, &bytes, &text, &records)?;
        Ok(Self { levels: records, episodes })
    }

    /// Checks that [`LevelSet::write`] may write into a folder, and creates it.
    ///
    /// # Errors
    /// A folder that has levels already, or cannot be created.
    pub fn prepare(folder: &Path) -> Result<()> {
        if folder.join(LEVELS_FILE).exists() {
            let problem = format!("{}: expected a new folder, found one that has a {LEVELS_FILE}", folder.display());
            return Err(Error::setting("out", problem));
        }
        std::fs::create_dir_all(folder).map_err(|e| Error::unwritable("out", folder, &e))
    }

    /// Writes the files; `levels.jsonl`, which makes the folder a set of levels, comes last.
    ///
    /// # Errors
    /// As [`LevelSet::prepare`]; a file that cannot be written.
    pub fn write(&self, folder: &Path, manifest: &Value) -> Result<()> {
        Self::prepare(folder)?;
        let text = levels_text(self.levels.iter().map(|level| &level.record));
        write_atomically(&folder.join(EPISODES_FILE), &episodes_bytes(&text, &self.episodes))?;
        let manifest = serde_json::to_string_pretty(manifest).expect("a JSON value is JSON") + "\n";
        write_atomically(&folder.join(MANIFEST), manifest.as_bytes())?;
        Ok(write_atomically(&folder.join(LEVELS_FILE), text.as_bytes())?)
    }

    /// Indices of the levels of a part.
    pub fn of_part(&self, part: Part) -> Vec<usize> {
        (0..self.levels.len()).filter(|index| self.levels[*index].record.split == part).collect()
    }

    /// The demonstration of a level, if there is one.
    pub fn episode(&self, level: usize) -> Option<&Episode> {
        let place = self.episodes.binary_search_by_key(&level, |episode| episode.level).ok()?;
        Some(&self.episodes[place])
    }

    /// Index of the level with a name.
    pub fn index_of(&self, id: &str) -> Option<usize> {
        self.levels.iter().position(|level| level.record.id == id)
    }

    /// Rows and columns of the largest room.
    pub fn board(&self) -> usize {
        self.levels.iter().map(|level| level.level.room.rows().max(level.level.room.columns())).max().unwrap_or(0)
    }
}
