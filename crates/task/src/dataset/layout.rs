//! Finds the files of a split: takes the user's path and the file names of a published data set, gives files.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// File names of one split of a published data set, and the key of the list inside a JSON file.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatasetLayout<'a> {
    /// Possible names below the folder; the first that exists is read. The last part of a name may contain one `*`,
    /// which then stands for all matching files in the order of their names (shards).
    pub files: &'a [&'a str],
    /// Key of the list of records in a JSON file that is one object; `None`: its only list of objects.
    pub list: Option<&'a str>,
}

/// Maximum number of files of a folder that an error message names.
const SHOWN: usize = 20;

impl DatasetLayout<'_> {
    /// Whether `path` is a folder that contains the files of this split.
    pub(crate) fn is_in(&self, path: &Path) -> bool {
        path.is_dir() && self.files_of(path).is_ok()
    }

    /// Whether a name, with at most one `*`, matches a file, a path with slashes. `*` matches no slash.
    fn fits(name: &str, file: &str) -> bool {
        match name.split_once('*') {
            None => name == file,
            Some((start, end)) => {
                let rest = file.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
                rest.is_some_and(|rest| !rest.contains('/'))
            }
        }
    }

    /// Chooses the files of a repository that match one of `names`; without names, every file in a readable format.
    ///
    /// # Errors
    /// The first name that matches no file.
    pub fn choose(files: &[String], names: &[&str]) -> Result<Vec<String>, String> {
        let fits_any = |file: &&String| match names {
            [] => super::is_readable(Path::new(file)),
            names => names.iter().any(|name| Self::fits(name, file)),
        };
        let chosen: Vec<String> = files.iter().filter(fits_any).cloned().collect();
        let missing = names.iter().find(|name| !files.iter().any(|file| Self::fits(name, file)));
        match missing {
            Some(missing) => Err((*missing).to_owned()),
            None if chosen.is_empty() => Err("a file of rows".to_owned()),
            None => Ok(chosen),
        }
    }

    /// The files to read: `path` itself, or the files in the folder `path` that match the first name that exists.
    ///
    /// # Errors
    /// The folder contains none of the names, or cannot be listed; shards are missing.
    pub(super) fn files_of(&self, path: &Path) -> Result<Vec<PathBuf>> {
        if !path.is_dir() {
            return Ok(vec![path.to_owned()]);
        }
        for name in self.files {
            let files = matching(path, name)?;
            if !files.is_empty() {
                return Ok(files);
            }
        }
        let mut found = Vec::new();
        list(path, Path::new(""), 2, &mut found)?;
        found.sort();
        let more = found.len().saturating_sub(SHOWN);
        found.truncate(SHOWN);
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let problem = match self.files {
            [] => format!("expected a file, found a folder with {found}{more}"),
            names => format!("expected one of {}, found {found}{more}", names.join(", ")),
        };
        Err(Error::Task { file: path.display().to_string(), place: "folder".to_owned(), problem })
    }
}

/// Files below `folder` that match a name, in the order of their names.
///
/// # Errors
/// The folder cannot be listed, or fewer or more shards exist than their names say.
fn matching(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let (inner, pattern) = name.rsplit_once('/').unwrap_or(("", name));
    let parent = folder.join(inner);
    if !parent.is_dir() {
        return Ok(Vec::new());
    }
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&parent).map_err(Error::io(&parent))? {
        let entry = entry.map_err(Error::io(&parent))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if DatasetLayout::fits(pattern, &name) && entry.path().is_file() {
            names.push(name);
        }
    }
    names.sort();
    let shards = names.first().filter(|_| pattern.contains('*')).and_then(|name| shards(name));
    if let Some(shards) = shards.filter(|shards| *shards != names.len()) {
        let problem = format!("expected {shards} shards by their names, found {}", names.join(", "));
        return Err(Error::Task { file: parent.display().to_string(), place: "folder".to_owned(), problem });
    }
    Ok(names.into_iter().map(|name| parent.join(name)).collect())
}

/// Number of shards according to the name of one: 3 for `test-00000-of-00003.parquet`.
fn shards(name: &str) -> Option<usize> {
    let (before, after) = name.rsplit_once("-of-")?;
    let (index, count) = (before.rsplit('-').next()?, after.split('.').next()?);
    index.parse::<usize>().ok()?;
    count.parse().ok().filter(|_| index.len() == count.len())
}

/// Appends the files below `folder` to `into`, as paths that begin with `from`, down to `depth` levels of folders.
fn list(folder: &Path, from: &Path, depth: usize, into: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        let name = from.join(entry.file_name());
        if entry.path().is_dir() && depth > 0 {
            list(&entry.path(), &name, depth - 1, into)?;
        } else {
            into.push(name.display().to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_shards_is_read_from_a_name() {
        assert_eq!(shards("test-00000-of-00003.parquet"), Some(3));
        for name in ["best-of-3.csv", "test-0-of-00003.parquet", "of-3", "test.csv"] {
            assert_eq!(shards(name), None, "{name}");
        }
    }

    #[test]
    fn the_first_existing_name_is_read_and_shards_are_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("creates");
        let layout = DatasetLayout { files: &["dev.jsonl", "data/validation-*.parquet", "test.json"], list: None };
        let names = || layout.files_of(folder.path());
        let error = names().expect_err("none is there").to_string();
        assert!(
            error.contains("expected one of dev.jsonl, data/validation-*.parquet, test.json, found nothing"),
            "{error}"
        );
        for name in ["test.json", "data/validation-1.parquet", "data/validation-0.parquet", "data/train-0.parquet"] {
            std::fs::write(folder.path().join(name), "").expect("writes");
        }
        let shards = ["data/validation-0.parquet", "data/validation-1.parquet"].map(|name| folder.path().join(name));
        assert_eq!(names().expect("shards"), shards);
        std::fs::write(folder.path().join("dev.jsonl"), "").expect("writes");
        assert_eq!(names().expect("a file"), [folder.path().join("dev.jsonl")]);
        let none = DatasetLayout { files: &["x*y"], list: None }.files_of(folder.path()).expect_err("none is there");
        assert!(none.to_string().contains("found data/train-0.parquet, data/validation-0.parquet"), "{none}");
        assert!(DatasetLayout::default().files_of(folder.path()).is_err());
        std::fs::write(folder.path().join("part-00001-of-00002.csv"), "").expect("writes");
        let half =
            DatasetLayout { files: &["part-*.csv"], list: None }.files_of(folder.path()).expect_err("one is missing");
        assert!(half.to_string().contains("expected 2 shards by their names, found part-00001-of-00002.csv"), "{half}");
        let file = folder.path().join("anything");
        assert_eq!(layout.files_of(&file).expect("a file is itself"), [file]);
    }
}
