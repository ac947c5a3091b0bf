//! The folder of a study: its plan, written before anything runs; its worlds; its results.

use std::path::{Path, PathBuf};

use laser::checkpoint::write_atomically;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::facts::{CORPUS, Mention, WORLD, World, WorldSettings};
use laser::page::Page;

/// File of the plan.
const PLAN: &str = "plan.json";
/// File of the results.
const RESULTS: &str = "study.json";
/// File of the page.
const REPORT: &str = "report.html";
/// File of the page's sentences and tables.
const TABLES: &str = "study.md";

/// The folder of a study.
#[derive(Debug, Clone)]
pub(super) struct StudyFolder(PathBuf);

impl StudyFolder {
    /// Opens the folder of a study: a new one gets the plan, one of the same plan is continued.
    ///
    /// # Errors
    /// A folder of another study, or one that cannot be written.
    pub(super) fn open(folder: &Path, plan: &impl Serialize) -> Result<Self> {
        let plan = serde_json::to_value(plan).expect("a plan is plain data");
        std::fs::create_dir_all(folder).map_err(|e| laser::Error::unwritable("out", folder, &e))?;
        let path = folder.join(PLAN);
        if !path.exists() {
            let mut entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
            if entries.next().is_some() {
                let problem =
                    format!("{}: expected a new folder or one of this study, found other files", folder.display());
                return Err(Error::setting("out", problem));
            }
            write_json(&path, &plan)?;
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        let file = path.display().to_string();
        let found: Value = serde_json::from_str(&text)
            .map_err(|error| Error::File { path: file.clone(), problem: format!("expected a plan: {error}") })?;
        if found != plan {
            let problem = "the plan of another study: expected the same settings (choose a new folder)".to_owned();
            return Err(Error::File { path: file, problem });
        }
        Ok(Self(folder.to_owned()))
    }

    /// Makes a world and its folder, which an earlier run may have left.
    ///
    /// # Errors
    /// Settings that cannot be used, or a folder that cannot be written.
    pub(super) fn world(&self, name: &str, settings: &WorldSettings) -> Result<(World, PathBuf)> {
        let (world, folder) = (World::generate(settings)?, self.0.join(name));
        if !folder.join(WORLD).exists() {
            world.write(&folder)?;
        }
        Ok((world, folder))
    }

    /// A folder of its own for a part of the study.
    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Folder of a model.
    pub(super) fn model(&self, name: &str) -> PathBuf {
        self.0.join("models").join(name)
    }

    /// Writes results, page and tables.
    ///
    /// # Errors
    /// A folder that cannot be written, or a fault of the template.
    pub(super) fn write(&self, results: &impl Serialize, page: &Page) -> Result<()> {
        write_json(&self.0.join(RESULTS), &serde_json::to_value(results).expect("results are plain data"))?;
        write_atomically(&self.0.join(TABLES), page.markdown().as_bytes())?;
        write_atomically(&self.0.join(REPORT), page.html()?.as_bytes())?;
        Ok(())
    }
}

/// Writes some sentences of a world beside its corpus; gives the file. All of them are the corpus itself.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn write_sentences(world: &World, folder: &Path, name: &str, kept: &[usize]) -> Result<PathBuf> {
    if kept.len() == world.mentions.len() {
        return Ok(folder.join(CORPUS));
    }
    let line = |mention: &Mention| serde_json::to_string(mention).expect("a mention is plain data") + "\n";
    let text: String = kept.iter().map(|index| line(&world.mentions[*index])).collect();
    let path = folder.join(format!("{name}.jsonl"));
    write_atomically(&path, text.as_bytes())?;
    Ok(path)
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    Ok(write_atomically(path, format!("{value:#}\n").as_bytes())?)
}
