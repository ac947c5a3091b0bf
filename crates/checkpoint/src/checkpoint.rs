//! Opening a checkpoint: takes a folder or a file, gives a sorted table of tensors whose bytes are mapped into memory.
//!
//! Opening checks every header and index, so that the bytes of a view always exist. Values are read when they are asked
//! for, and not before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::CheckpointError;
use crate::gguf::metadata::Metadata;
use crate::gguf::{is_gguf, parts};
use crate::mapping::Mapping;
use crate::safetensors::header as safetensors_header;
use crate::safetensors::shard_index::{INDEX_FILE, MODEL_FILE, ShardIndex};
use crate::tensor::{TensorInfo, TensorView};
use crate::tensor_entry::TensorEntry;
use crate::two_part_tensor::{self, TwoPartTensor};

/// File name endings of pickles.
const PICKLES: [&str; 5] = ["bin", "pt", "pth", "ckpt", "pkl"];

/// Beginning of the names of adapter weights, which are no model by themselves.
const ADAPTER: &str = "adapter_model";

/// The format of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One or more safetensors files.
    Safetensors,
    /// A GGUF file, or the parts of a split one.
    Gguf,
}

/// An open checkpoint: all tensors of a model by name, with their files mapped into memory read-only.
#[derive(Debug)]
pub struct Checkpoint {
    format: Format,
    /// Mapped files by path; the `TensorInfo` of each tensor shares the path.
    files: BTreeMap<Arc<Path>, Mapping>,
    /// Path of the index, if the checkpoint is sharded.
    index: Option<PathBuf>,
    tensors: BTreeMap<String, TensorInfo>,
    /// Tensors that are stored as two of the others each, by name.
    two_part: BTreeMap<String, TwoPartTensor>,
    /// Metadata of a GGUF model; `None` for safetensors.
    metadata: Option<Metadata>,
}

impl Checkpoint {
    /// Opens a folder with safetensors weights, a `.safetensors` file or a GGUF file of any name.
    ///
    /// Any part of a split GGUF model (`NAME-00001-of-00003.gguf`) stands for the whole: all parts are opened.
    ///
    /// In a folder, `model.safetensors` is preferred, then `model.safetensors.index.json` with its shards, then the
    /// only file that ends in `.safetensors`, the weights of an adapter aside.
    ///
    /// # Errors
    /// All conditions of files, headers and indices, always as [`CheckpointError::InFile`].
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let found = fs::metadata(path).map_err(|e| CheckpointError::io("open the model")(e).in_file(path))?;
        if found.is_dir() {
            return Self::open_folder(path);
        }
        // By content, because files in download caches have no extension.
        if is_gguf(path).map_err(|e| CheckpointError::io("read the file")(e).in_file(path))? {
            return Self::open_gguf(path);
        }
        match extension(path).unwrap_or_default().to_ascii_lowercase().as_str() {
            "safetensors" => Self::open_safetensors(path),
            // The error says what is wrong with its beginning.
            "gguf" => Self::open_gguf(path),
            ending if PICKLES.contains(&ending) => Err(pickle(path).in_file(path)),
            _ => Err(CheckpointError::UnknownFormat.in_file(path)),
        }
    }

    /// Opens the safetensors weights in a folder.
    fn open_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let single = folder.join(MODEL_FILE);
        if single.is_file() {
            return Self::open_safetensors(&single);
        }
        let index = folder.join(INDEX_FILE);
        if index.is_file() {
            return Self::open_shards(index);
        }
        // Without a standard name, a single file is unambiguous, but several are not.
        let files = list_sorted(folder).map_err(|e| CheckpointError::io("list the folder")(e).in_file(folder))?;
        let is_candidate = |f: &&PathBuf| extension(f) == Some("safetensors") && !file_name(f).starts_with(ADAPTER);
        let candidates: Vec<&PathBuf> = files.iter().filter(is_candidate).collect();
        match candidates[..] {
            [only] => return Self::open_safetensors(only),
            [] => {}
            _ => {
                let found = candidates.iter().map(|file| file_name(file)).collect();
                return Err(CheckpointError::NoIndex { found }.in_file(folder));
            }
        }
        // Pickles are looked for last, because many folders have them beside the safetensors of the same model.
        let is_pickle = |file: &&PathBuf| extension(file).is_some_and(|ending| PICKLES.contains(&ending));
        Err(match files.iter().find(is_pickle) {
            Some(file) => pickle(file).in_file(folder),
            None => CheckpointError::NoModel.in_file(folder),
        })
    }

    /// Opens one safetensors file.
    fn open_safetensors(path: &Path) -> Result<Self, CheckpointError> {
        let mut checkpoint = Self::empty(Format::Safetensors);
        checkpoint.add_safetensors(path)?;
        checkpoint.two_part = two_part_tensor::find(&checkpoint.tensors);
        Ok(checkpoint)
    }

    /// Opens an index and its shards.
    fn open_shards(index_path: PathBuf) -> Result<Self, CheckpointError> {
        let folder = index_path.parent().unwrap_or(Path::new(""));
        let in_index = |problem: CheckpointError| problem.in_file(&index_path);
        let json = fs::read(&index_path).map_err(|e| in_index(CheckpointError::io("read the file")(e)))?;
        let index = ShardIndex::read(&json).map_err(in_index)?;
        let mut checkpoint = Self::empty(Format::Safetensors);
        for shard in index.shards() {
            let path = folder.join(shard);
            let names = checkpoint.add_safetensors(&path)?;
            // Each shard must contain exactly the tensors that the index places there, so no name occurs in two shards.
            let found: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            index.check(shard, &found).map_err(|problem| problem.in_file(&path))?;
        }
        checkpoint.index = Some(index_path);
        checkpoint.two_part = two_part_tensor::find(&checkpoint.tensors);
        Ok(checkpoint)
    }

    /// Opens a GGUF file, or all parts of a split one.
    fn open_gguf(path: &Path) -> Result<Self, CheckpointError> {
        let mut checkpoint = Self::empty(Format::Gguf);
        for part in parts::open(path)? {
            let file: Arc<Path> = part.path.into();
            for tensor in part.header.tensors {
                checkpoint.add_tensor(&file, tensor);
            }
            checkpoint.files.insert(file, part.mapping);
            checkpoint.metadata.get_or_insert(part.header.metadata);
        }
        Ok(checkpoint)
    }

    /// Makes a checkpoint without files.
    fn empty(format: Format) -> Self {
        let (tensors, two_part) = (BTreeMap::new(), BTreeMap::new());
        Self { format, files: BTreeMap::new(), index: None, tensors, two_part, metadata: None }
    }

    /// Maps one safetensors file and adds its tensors; returns their names.
    fn add_safetensors(&mut self, path: &Path) -> Result<Vec<String>, CheckpointError> {
        let mapping = Mapping::open(path)?;
        let tensors = safetensors_header::read(mapping.bytes()).map_err(|problem| problem.in_file(path))?.tensors;
        let file: Arc<Path> = path.into();
        let mut names = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            names.push(tensor.name.clone());
            self.add_tensor(&file, tensor);
        }
        self.files.insert(file, mapping);
        Ok(names)
    }

    /// Adds one tensor of `file` to the table.
    fn add_tensor(&mut self, file: &Arc<Path>, TensorEntry { name, dtype, shape, range }: TensorEntry) {
        let info = TensorInfo { name: name.clone(), dtype, shape, file: Arc::clone(file), range };
        self.tensors.insert(name, info);
    }

    /// Format of the files.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Paths of the files that contain tensors, sorted.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.files.keys().map(AsRef::as_ref)
    }

    /// Path of the index, if the checkpoint is sharded.
    pub fn index_file(&self) -> Option<&Path> {
        self.index.as_deref()
    }

    /// All stored tensors, sorted by name.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &TensorInfo> {
        self.tensors.values()
    }

    /// The tensors of type MXFP4 that are stored as two each, sorted by name: each with the names of the two.
    pub fn two_part_tensors(&self) -> impl ExactSizeIterator<Item = (&TensorInfo, [&str; 2])> {
        self.two_part.values().map(|tensor| (&tensor.info, [tensor.blocks.as_str(), tensor.scales.name.as_str()]))
    }

    /// Description of the tensor `name`, stored as one or two; `None` if there is no such tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).or_else(|| self.two_part.get(name).map(|tensor| &tensor.info))
    }

    /// The tensor `name` with its bytes.
    ///
    /// # Errors
    /// [`CheckpointError::NoSuchTensor`], which names the index or else the first of the files.
    pub fn tensor(&self, name: &str) -> Result<TensorView<'_>, CheckpointError> {
        if let Some(TwoPartTensor { info, scales, .. }) = self.two_part.get(name) {
            return Ok(TensorView::new(info, self.bytes_of(info)).with_scales(self.bytes_of(scales)));
        }
        let Some(info) = self.tensors.get(name) else {
            let problem = CheckpointError::NoSuchTensor { tensor: name.to_string() };
            return Err(match self.index_file().or_else(|| self.files().next()) {
                Some(file) => problem.in_file(file),
                None => problem,
            });
        };
        Ok(TensorView::new(info, self.bytes_of(info)))
    }

    /// The bytes of a stored tensor.
    fn bytes_of(&self, info: &TensorInfo) -> &[u8] {
        // The range is within the mapping: the header reader checked it.
        &self.files[&info.file].bytes()[info.range.clone()]
    }

    /// The stored tensors that make up a tensor.
    fn stored_parts<'t>(&'t self, tensor: &'t TensorInfo) -> impl Iterator<Item = &'t TensorInfo> {
        std::iter::once(tensor).chain(self.two_part.get(&tensor.name).map(|tensor| &tensor.scales))
    }

    /// Releases the memory of the file pages read so far. Call it when all tensors have been read; a later access
    /// works, but reads the files again.
    pub fn release_pages(&self) {
        self.files.values().for_each(Mapping::release_pages);
    }

    /// Releases the memory of the file pages of one tensor. A later access works, but reads the file again.
    pub fn release_pages_of(&self, tensor: &TensorInfo) {
        for part in self.stored_parts(tensor) {
            if let Some(mapping) = self.files.get(&part.file) {
                mapping.release_pages_of(part.range.clone());
            }
        }
    }

    /// Asks the system to read a tensor into memory, in the background.
    pub fn read_ahead(&self, tensor: &TensorInfo) {
        for part in self.stored_parts(tensor) {
            if let Some(mapping) = self.files.get(&part.file) {
                mapping.read_ahead(part.range.clone());
            }
        }
    }

    /// Metadata of a GGUF model, without the keys of a split; `None` for safetensors.
    pub fn gguf_metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

/// Makes the error for a pickle file.
fn pickle(path: &Path) -> CheckpointError {
    CheckpointError::Pickle { found: file_name(path) }
}

/// The extension of a path, if it is UTF-8.
fn extension(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

/// The file name of a path.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Lists the paths of all entries of a folder, sorted: the order of `read_dir` differs between systems.
fn list_sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}
