//! A model on disk, opened: a folder or file in, a sorted table of tensors out, their bytes mapped.
//!
//! Opening validates every header and index, so that a view's bytes are always there; values are only looked at when
//! they are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::CheckpointError;
use crate::gguf;
use crate::gguf::metadata::Metadata;
use crate::mapping::Mapping;
use crate::safetensors::{header, shards::Index};
use crate::tensor::{TensorInfo, TensorView};

/// The name of an unsharded model.
pub(crate) const MODEL: &str = "model.safetensors";
/// The name of a sharded model's index.
pub(crate) const INDEX: &str = "model.safetensors.index.json";
/// Endings of files that hold pickles.
const PICKLES: [&str; 5] = ["bin", "pt", "pth", "ckpt", "pkl"];

/// The two formats read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One or more safetensors files.
    Safetensors,
    /// One GGUF file.
    Gguf,
}

/// An opened model: its tensors by name, mapped read-only.
#[derive(Debug)]
pub struct Checkpoint {
    format: Format,
    files: BTreeMap<Arc<Path>, Mapping>,
    index: Option<PathBuf>,
    tensors: BTreeMap<String, TensorInfo>,
    metadata: Option<Metadata>,
}

impl Checkpoint {
    /// Opens a folder with safetensors weights, a `.safetensors` file or a `.gguf` file.
    ///
    /// In a folder, `model.safetensors` comes first, then `model.safetensors.index.json` with its shards, then the one
    /// file that ends in `.safetensors`.
    ///
    /// # Errors
    /// Whatever can be wrong before values are read, always [`CheckpointError::InFile`].
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let found = fs::metadata(path).map_err(|e| CheckpointError::io("open the model")(e).in_file(path))?;
        if found.is_dir() {
            return Self::open_folder(path);
        }
        match extension(path) {
            Some("safetensors") => Self::open_safetensors(path),
            Some("gguf") => Self::open_gguf(path),
            Some(ending) if PICKLES.contains(&ending) => Err(pickle(path).in_file(path)),
            _ => Err(CheckpointError::UnknownFormat.in_file(path)),
        }
    }

    fn open_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let single = folder.join(MODEL);
        if single.is_file() {
            return Self::open_safetensors(&single);
        }
        let index = folder.join(INDEX);
        if index.is_file() {
            return Self::open_shards(index);
        }
        let files = list(folder).map_err(|e| CheckpointError::io("list the folder")(e).in_file(folder))?;
        let candidates: Vec<&PathBuf> = files.iter().filter(|f| extension(f) == Some("safetensors")).collect();
        match candidates[..] {
            [only] => return Self::open_safetensors(only),
            [] => {}
            _ => {
                let found = candidates.iter().map(|file| name(file)).collect();
                return Err(CheckpointError::NoIndex { found }.in_file(folder));
            }
        }
        let is_pickle = |file: &&PathBuf| extension(file).is_some_and(|ending| PICKLES.contains(&ending));
        Err(match files.iter().find(is_pickle) {
            Some(file) => pickle(file).in_file(folder),
            None => CheckpointError::NoModel.in_file(folder),
        })
    }

    fn open_safetensors(path: &Path) -> Result<Self, CheckpointError> {
        let mut checkpoint = Self::empty(Format::Safetensors);
        checkpoint.add_safetensors(path)?;
        Ok(checkpoint)
    }

    fn open_shards(index_path: PathBuf) -> Result<Self, CheckpointError> {
        let folder = index_path.parent().unwrap_or(Path::new(""));
        let in_index = |problem: CheckpointError| problem.in_file(&index_path);
        let json = fs::read(&index_path).map_err(|e| in_index(CheckpointError::io("read the file")(e)))?;
        let index = Index::read(&json).map_err(in_index)?;
        let mut checkpoint = Self::empty(Format::Safetensors);
        for shard in index.shards() {
            let path = folder.join(shard);
            let names = checkpoint.add_safetensors(&path)?;
            // Each shard holds exactly what the index places there, hence no name comes from two of them.
            let found: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            index.check(shard, &found).map_err(|problem| problem.in_file(&path))?;
        }
        checkpoint.index = Some(index_path);
        Ok(checkpoint)
    }

    fn open_gguf(path: &Path) -> Result<Self, CheckpointError> {
        let mapping = Mapping::open(path)?;
        let header = gguf::header::read(mapping.bytes()).map_err(|problem| problem.in_file(path))?;
        let file: Arc<Path> = path.into();
        let mut checkpoint = Self::empty(Format::Gguf);
        for tensor in header.tensors {
            let info = TensorInfo {
                name: tensor.name,
                dtype: tensor.dtype,
                shape: tensor.shape,
                file: Arc::clone(&file),
                range: tensor.range,
            };
            checkpoint.tensors.insert(info.name.clone(), info);
        }
        checkpoint.files.insert(file, mapping);
        checkpoint.metadata = Some(header.metadata);
        Ok(checkpoint)
    }

    fn empty(format: Format) -> Self {
        Self { format, files: BTreeMap::new(), index: None, tensors: BTreeMap::new(), metadata: None }
    }

    /// Maps one safetensors file and takes up its tensors; gives their names.
    fn add_safetensors(&mut self, path: &Path) -> Result<Vec<String>, CheckpointError> {
        let mapping = Mapping::open(path)?;
        let tensors = header::read(mapping.bytes()).map_err(|problem| problem.in_file(path))?;
        let file: Arc<Path> = path.into();
        let mut names = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            names.push(tensor.name.clone());
            let info = TensorInfo {
                name: tensor.name,
                dtype: tensor.dtype,
                shape: tensor.shape,
                file: Arc::clone(&file),
                range: tensor.range,
            };
            self.tensors.insert(info.name.clone(), info);
        }
        self.files.insert(file, mapping);
        Ok(names)
    }

    /// Which format the files have.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The files that hold tensors, sorted.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.files.keys().map(AsRef::as_ref)
    }

    /// The index file, if the checkpoint is sharded.
    pub fn index_file(&self) -> Option<&Path> {
        self.index.as_deref()
    }

    /// All tensors, sorted by name.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &TensorInfo> {
        self.tensors.values()
    }

    /// One tensor's description, if there is a tensor of that name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    /// One tensor with its bytes.
    ///
    /// # Errors
    /// [`CheckpointError::NoTensor`], in the first of the files.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>, CheckpointError> {
        let Some(info) = self.tensors.get(name) else {
            let problem = CheckpointError::NoTensor { tensor: name.to_string() };
            return Err(match self.index_file().or_else(|| self.files().next()) {
                Some(file) => problem.in_file(file),
                None => problem,
            });
        };
        let bytes = self.files[&info.file].bytes();
        Ok(TensorView::new(info, &bytes[info.range.clone()]))
    }

    /// Gives the memory of pages read so far back to the system, once everything wanted has been read; reading again
    /// works, and reads the files again.
    pub fn forget_pages(&self) {
        self.files.values().for_each(Mapping::forget_pages);
    }

    /// The metadata of a GGUF file; `None` for safetensors.
    pub fn gguf_metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

fn pickle(path: &Path) -> CheckpointError {
    CheckpointError::Pickle { found: name(path) }
}

fn extension(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The files of a folder, sorted.
fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}
