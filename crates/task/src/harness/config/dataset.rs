//! `dataset_path`, `dataset_name` and `dataset_kwargs`: where the rows of a task are.

use serde_json::Value;

use crate::error::Result;
use crate::harness::keys::KeyReader;

/// Pairs of a split and the names of its files, in the order of the task file.
pub(in crate::harness) type FilesBySplit = Vec<(String, Vec<String>)>;

/// Where the rows of a task are.
#[derive(Debug)]
pub(in crate::harness) struct DatasetConfig {
    /// `dataset_path`: a reader of local files such as `json`, a local path, or the name of a data set on the Hub.
    pub(in crate::harness) path: String,
    /// `dataset_name`: a folder within the data set.
    pub(in crate::harness) name: Option<String>,
    /// `dataset_kwargs.data_files`.
    pub(in crate::harness) files: Option<FilesBySplit>,
    /// `dataset_kwargs.data_dir`: the folder of the files.
    pub(in crate::harness) dir: Option<String>,
}

impl DatasetConfig {
    pub(super) fn read(keys: &mut KeyReader<'_>) -> Result<Self> {
        let path = keys.text("dataset_path")?.filter(|path| !path.is_empty());
        let path = path
            .ok_or_else(|| keys.error("dataset_path", "expected json, csv, parquet, text or a path, found nothing"))?;
        let name = keys.text("dataset_name")?;
        let (mut files, mut dir) = (None, None);
        if let Some(mut kwargs) = keys.mapping("dataset_kwargs")? {
            dir = kwargs.text("data_dir")?;
            files = data_files(&mut kwargs)?;
            kwargs.finish()?;
        }
        Ok(Self { path, name, files, dir })
    }
}

/// Reads `data_files`: files by split, or only files, which then are the split `train` as in Hugging Face's `datasets`.
fn data_files(kwargs: &mut KeyReader<'_>) -> Result<Option<FilesBySplit>> {
    match kwargs.take("data_files") {
        None => Ok(None),
        Some(Value::Object(splits)) => {
            let split = |(split, value)| {
                let files = kwargs.as_texts(&format!("data_files.{split}"), value)?;
                Ok((split, files))
            };
            splits.into_iter().map(split).collect::<Result<_>>().map(Some)
        }
        Some(value) => Ok(Some(vec![("train".to_owned(), kwargs.as_texts("data_files", value)?)])),
    }
}
