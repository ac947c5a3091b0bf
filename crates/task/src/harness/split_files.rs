//! The data files of a split: from `dataset_path` and `dataset_kwargs` of the task file, or from the copy of a Hub data
//! set that the user names.

use std::path::{Path, PathBuf};

use super::config::TaskConfig;
use crate::error::{Error, Result};

/// The harness's readers of local files, and the file extensions that each reads.
const READERS: [(&str, &[&str]); 4] = [
    ("json", &["json", "jsonl", "ndjson"]),
    ("csv", &["csv", "tsv"]),
    ("parquet", &["parquet"]),
    ("text", &["txt", "lst"]),
];
/// Words in a file's name that mark its split, as in Hugging Face's `datasets`.
const SPLIT_WORDS: [(&str, &[&str]); 3] = [
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "dev", "val"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];

/// The files of the split named `split`. `data`: the file or folder that the user named.
///
/// # Errors
/// No such split, a file with an extension that the reader does not read, or a data set that is not on this machine.
pub(super) fn split_files(config: &TaskConfig, split: &str, data: Option<&Path>) -> Result<Vec<PathBuf>> {
    let dataset = &config.dataset;
    if data.is_some() && (dataset.files.is_some() || dataset.dir.is_some()) {
        let problem = format!("{}: the task names its own files", config.file.display());
        return Err(Error::setting("data", problem));
    }
    if let Some(files) = &dataset.files {
        return listed_files(config, files, split);
    }
    let place = data_place(config, data)?;
    if place.is_file() {
        // A file that the user names is the split to evaluate; for `datasets`, a single file is the split `train`.
        let only = if data.is_some() { config.splits.evaluated() } else { "train" };
        if split != only {
            let problem = format!("expected a folder with the split `{split}`, found one file, which is `{only}`");
            return Err(Error::Task { file: place.display().to_string(), place: format!("split `{split}`"), problem });
        }
        return Ok(vec![place]);
    }
    let named = dataset.name.as_ref().map(|name| place.join(name)).filter(|folder| folder.is_dir());
    files_in_folder(&named.unwrap_or(place), split)
}

/// The files that `data_files` lists for a split.
fn listed_files(config: &TaskConfig, files: &[(String, Vec<String>)], split: &str) -> Result<Vec<PathBuf>> {
    let dataset = &config.dataset;
    let Some((_, extensions)) = READERS.iter().find(|(name, _)| *name == dataset.path) else {
        let problem = format!("expected {} beside `data_files`, found `{}`", reader_names(), dataset.path);
        return Err(config.error("dataset_path", problem));
    };
    let Some((_, names)) = files.iter().find(|(name, _)| name == split) else {
        let known: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let problem = format!("expected a split `{split}`, found {}", known.join(", "));
        return Err(config.error("dataset_kwargs.data_files", problem));
    };
    let path = |name: &String| match &dataset.dir {
        Some(dir) => resolve(&config.file, dir).join(name),
        None => resolve(&config.file, name),
    };
    let paths: Vec<PathBuf> = names.iter().map(path).collect();
    let fits = |file: &&PathBuf| extension(file).is_some_and(|e| extensions.contains(&e.as_str()));
    if let Some(other) = paths.iter().find(|file| !fits(file)) {
        let problem = format!("expected names that end with .{}, found {}", extensions.join(" or ."), other.display());
        return Err(config.error("dataset_kwargs.data_files", problem));
    }
    Ok(paths)
}

/// The file or folder with the data of a task that lists no files.
fn data_place(config: &TaskConfig, data: Option<&Path>) -> Result<PathBuf> {
    let path = &config.dataset.path;
    let local = resolve(&config.file, path);
    match (data, &config.dataset.dir) {
        (Some(data), _) => Ok(data.to_owned()),
        (None, Some(dir)) => Ok(resolve(&config.file, dir)),
        (None, None) if READERS.iter().any(|(name, _)| name == path) => {
            Err(config.error("dataset_kwargs", "expected `data_files`, found nothing".to_owned()))
        }
        (None, None) if local.exists() => Ok(local),
        (None, None) => {
            let readers = reader_names();
            let problem =
                format!("`{path}` is not a local file or folder: give a copy of it as the data, or use {readers}");
            Err(config.error("dataset_path", problem))
        }
    }
}

fn reader_names() -> String {
    READERS.map(|(name, _)| name).join(", ")
}

/// The extension of a file's name in lower case.
pub(super) fn extension(path: &Path) -> Option<String> {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase())
}

/// A path from the task file `file`: relative to the working folder as in the harness, or else to the task file's.
fn resolve(file: &Path, name: &str) -> PathBuf {
    let (here, beside) = (PathBuf::from(name), file.parent().unwrap_or(Path::new("")).join(name));
    if !here.exists() && beside.exists() { beside } else { here }
}

/// The files in a folder whose names have a word of the split. If no file name has a word of any split, all files are
/// the split `train`, as in `datasets`.
fn files_in_folder(folder: &Path, split: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let known = extension(&path).is_some_and(|e| READERS.iter().any(|(_, known)| known.contains(&e.as_str())));
        if known && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    let words_of = SPLIT_WORDS.iter().find(|(name, _)| *name == split);
    let wanted = words_of.map_or([split].to_vec(), |(_, words)| words.to_vec());
    let of_split: Vec<PathBuf> = found.iter().filter(|path| has_word(path, &wanted)).cloned().collect();
    if !of_split.is_empty() {
        return Ok(of_split);
    }
    let unmarked = !found.iter().any(|path| SPLIT_WORDS.iter().any(|(_, words)| has_word(path, words)));
    if split == "train" && unmarked && !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<_> =
        found.iter().map(|p| p.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect();
    let problem = format!(
        "expected files whose names have one of {}, found {}",
        wanted.join(", "),
        if names.is_empty() { "no files of rows".to_owned() } else { names.join(", ") }
    );
    Err(Error::Task { file: folder.display().to_string(), place: format!("split `{split}`"), problem })
}

/// Whether one of `words` is in a file's name, between characters that are not letters: `test-00000-of-00001.jsonl`.
fn has_word(path: &Path, words: &[&str]) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    stem.split(|c: char| !c.is_alphabetic()).any(|word| words.contains(&word))
}
