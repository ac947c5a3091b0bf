//! The files of a GGUF model: takes the path of a file, or of any part of a split model, gives all parts with their
//! checked headers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::header::{self, Header};
use super::metadata::Metadata;
use super::split::{Split, without_split};
use crate::error::{CheckpointError, SplitError};
use crate::mapping::Mapping;
use crate::tensor_entry::to_u64;

/// One file of a model.
#[derive(Debug)]
pub(crate) struct Part {
    /// Path of the file.
    pub(crate) path: PathBuf,
    /// The file in memory.
    pub(crate) mapping: Mapping,
    /// Its header; the metadata of the model are those of the first part.
    pub(crate) header: Header,
}

impl Part {
    /// Maps a file and reads its header.
    fn open(path: PathBuf) -> Result<Self, CheckpointError> {
        let mapping = Mapping::open(&path)?;
        let header = header::read(mapping.bytes()).map_err(|problem| problem.in_file(&path))?;
        Ok(Self { path, mapping, header })
    }
}

/// Opens the file at `path`, and if it is a part of a split model all other parts, in their order.
///
/// No tensor name occurs twice. The metadata of a split model are those of its first part, without the keys of the
/// split.
///
/// # Errors
/// The conditions of opening any file and of its header; [`CheckpointError::Split`],
/// [`CheckpointError::DuplicateTensor`].
pub(crate) fn open(path: &Path) -> Result<Vec<Part>, CheckpointError> {
    let given = Part::open(path.to_path_buf())?;
    let in_given = |problem: CheckpointError| problem.in_file(path);
    let Some(split) = Split::read(&given.header.metadata).map_err(in_given)? else {
        return Ok(vec![given]);
    };
    let paths = split.paths(path).map_err(in_given)?;
    let mut given = Some(given);
    let mut parts: Vec<Part> = Vec::new();
    let mut seen = HashSet::new();
    for (number, path) in (0..).zip(paths) {
        let part = match given.take_if(|_| number == split.number) {
            Some(part) => part,
            None if path.exists() => Part::open(path)?,
            None => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return Err(in_given(SplitError::MissingPart { name, number: number + 1, count: split.count }.into()));
            }
        };
        let in_part = |problem: CheckpointError| problem.in_file(&part.path);
        split.check_part(number, &part.header.metadata).map_err(in_part)?;
        for tensor in &part.header.tensors {
            if !seen.insert(tensor.name.clone()) {
                return Err(in_part(CheckpointError::DuplicateTensor { tensor: tensor.name.clone() }));
            }
        }
        parts.push(part);
    }
    split.check_tensors(to_u64(seen.len())).map_err(in_given)?;
    if let Some(first) = parts.first_mut() {
        let metadata: Metadata = std::mem::take(&mut first.header.metadata);
        first.header.metadata = without_split(metadata);
    }
    Ok(parts)
}
