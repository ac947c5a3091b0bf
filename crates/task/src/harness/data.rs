//! Where a task's rows are: `dataset_path` with its files, or what the user names instead of a set on the hub.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::columns;
use super::config::{Config, DataConfig};
use crate::dataset::{Layout, Record, Records};
use crate::error::{Error, Result};

/// The harness's readers of local files, and what the files are called.
const BUILDERS: [(&str, &[&str]); 4] = [
    ("json", &["json", "jsonl", "ndjson"]),
    ("csv", &["csv", "tsv"]),
    ("parquet", &["parquet"]),
    ("text", &["txt", "lst"]),
];
/// Words in a file's name that say which split it is, as Hugging Face takes them.
const SPLITS: [(&str, &[&str]); 3] = [
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "dev", "val"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];

/// The rows of one split.
#[derive(Debug, Clone, Default)]
pub(super) struct Split {
    rows: Vec<Record>,
    /// Names of all fields, in the order they first appear.
    pub(super) fields: Vec<String>,
    /// What was no row and was left out.
    pub(super) skipped: Vec<String>,
}

impl Split {
    /// Reads a split of a task. `data`: the file or folder that the user named.
    pub(super) fn read(config: &Config, split: &str, data: Option<&Path>, skip_bad: bool) -> Result<Self> {
        let mut own = Self::default();
        for file in files(config, split, data)? {
            let mut read = Records::open(&file, &Layout::default(), skip_bad)?;
            if extension(&file).is_some_and(|e| e == "csv" || e == "tsv") {
                columns::infer(&mut read.rows);
            }
            own.rows.append(&mut read.rows);
            own.skipped.append(&mut read.skipped);
        }
        if own.rows.is_empty() {
            let problem = format!("expected rows in the split `{split}`, found none");
            let file = config.file.display().to_string();
            return Err(Error::Task { file, place: "`dataset_path`".into(), problem });
        }
        for row in &own.rows {
            for name in row.fields.keys() {
                if !own.fields.contains(name) {
                    own.fields.push(name.clone());
                }
            }
        }
        // A field that a row leaves out is there and null, and all rows have the same order.
        for row in &mut own.rows {
            if !row.fields.keys().eq(&own.fields) {
                let field = |name: &String| (name.clone(), row.fields.get(name).cloned().unwrap_or_default());
                row.fields = own.fields.iter().map(field).collect();
            }
        }
        Ok(own)
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A row.
    pub(super) fn row(&self, index: usize) -> &Record {
        &self.rows[index]
    }

    /// The fields of a row.
    pub(super) fn doc(&self, index: usize) -> &Map<String, Value> {
        &self.rows[index].fields
    }
}

fn extension(path: &Path) -> Option<String> {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase())
}

/// The files of a split.
fn files(config: &Config, split: &str, data: Option<&Path>) -> Result<Vec<PathBuf>> {
    let DataConfig { path, name, files, dir } = &config.data;
    let wrong = |key: &str, problem: String| {
        Err(Error::Task { file: config.file.display().to_string(), place: format!("`{key}`"), problem })
    };
    let near = |name: &str| near(&config.file, name);
    let local = near(path);
    let builder = BUILDERS.iter().find(|(name, _)| name == path);
    let builders = BUILDERS.map(|(name, _)| name).join(", ");
    if data.is_some() && (files.is_some() || dir.is_some()) {
        return Err(Error::setting("--data", format!("{}: the task names its own files", config.file.display())));
    }
    if let Some(files) = files {
        let Some((_, extensions)) = builder else {
            return wrong("dataset_path", format!("expected {builders} beside `data_files`, found `{path}`"));
        };
        let own = files.iter().find(|(name, _)| name == split);
        let Some((_, own)) = own else {
            let known: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            return wrong(
                "dataset_kwargs.data_files",
                format!("expected a split `{split}`, found {}", known.join(", ")),
            );
        };
        let within = |name: &String| match dir {
            Some(dir) => near(dir).join(name),
            None => near(name),
        };
        let own: Vec<PathBuf> = own.iter().map(within).collect();
        if let Some(other) = own.iter().find(|file| !extension(file).is_some_and(|e| extensions.contains(&e.as_str())))
        {
            let problem =
                format!("expected names that end with .{}, found {}", extensions.join(" or ."), other.display());
            return wrong("dataset_kwargs.data_files", problem);
        }
        return Ok(own);
    }
    let place = match (data, dir) {
        (Some(data), _) => data.to_owned(),
        (None, Some(dir)) => near(dir),
        (None, None) if builder.is_some() => {
            return wrong("dataset_kwargs", "expected `data_files`, found nothing".to_owned());
        }
        (None, None) if local.exists() => local,
        (None, None) => {
            let problem =
                format!("`{path}` is not a local file or folder: --data names a copy of it, or use {builders}");
            return wrong("dataset_path", problem);
        }
    };
    if place.is_file() {
        let only = if data.is_some() { config.eval_split() } else { "train" };
        if split != only {
            let problem = format!("expected a folder with the split `{split}`, found one file, which is `{only}`");
            return Err(Error::Task { file: place.display().to_string(), place: format!("split `{split}`"), problem });
        }
        return Ok(vec![place]);
    }
    let named = name.as_ref().map(|name| place.join(name)).filter(|folder| folder.is_dir());
    in_folder(&named.unwrap_or(place), split)
}

/// A path of a task file: from where we are, else from where the task file is.
fn near(file: &Path, name: &str) -> PathBuf {
    let (here, beside) = (PathBuf::from(name), file.parent().unwrap_or(Path::new("")).join(name));
    if !here.exists() && beside.exists() { beside } else { here }
}

/// The files of a split in a folder, by their names; a folder whose files name no split is all `train`.
fn in_folder(folder: &Path, split: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let known = extension(&path).is_some_and(|e| BUILDERS.iter().any(|(_, known)| known.contains(&e.as_str())));
        if known && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    let words = |path: &Path| -> Vec<String> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        stem.split(|c: char| !c.is_alphabetic()).map(str::to_owned).collect()
    };
    let has = |path: &Path, wanted: &[&str]| words(path).iter().any(|word| wanted.contains(&word.as_str()));
    let wanted = SPLITS.iter().find(|(name, _)| *name == split).map_or([split].to_vec(), |(_, words)| words.to_vec());
    let of_split: Vec<PathBuf> = found.iter().filter(|path| has(path, &wanted)).cloned().collect();
    let unnamed = !found.iter().any(|path| SPLITS.iter().any(|(_, words)| has(path, words)));
    match (of_split.is_empty(), split == "train" && unnamed && !found.is_empty()) {
        (false, _) => Ok(of_split),
        (true, true) => Ok(found),
        (true, false) => {
            let names: Vec<_> =
                found.iter().map(|p| p.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect();
            let problem = format!(
                "expected files whose names have one of {}, found {}",
                wanted.join(", "),
                if names.is_empty() { "no files of rows".to_owned() } else { names.join(", ") }
            );
            Err(Error::Task { file: folder.display().to_string(), place: format!("split `{split}`"), problem })
        }
    }
}
