//! Files as read-only memory: the only place of this crate that needs `unsafe`.
#![allow(unsafe_code)]

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::error::CheckpointError;

/// A whole file, mapped read-only; pages are read when they are first touched.
#[derive(Debug)]
pub(crate) struct Mapping(Mmap);

impl Mapping {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], in that file, when it cannot be opened or mapped.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = File::open(path).map_err(|e| CheckpointError::io("open the file")(e).in_file(path))?;
        // SAFETY: nobody may truncate or overwrite the file while it is mapped. This crate keeps that promise by
        // replacing files through rename, which leaves a mapped one untouched; the user who runs the program keeps it
        // by not editing model files in place meanwhile.
        let map = unsafe { Mmap::map(&file) };
        Ok(Self(map.map_err(|e| CheckpointError::io("map the file into memory")(e).in_file(path))?))
    }

    /// The file's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the pages read so far back to the system; they are read from the file again when touched.
    pub(crate) fn forget_pages(&self) {
        // SAFETY: the map is of a file, shared and read-only, so dropping its pages loses nothing: the same bytes come
        // back at the next access. A system that refuses keeps the pages, which is as right.
        #[cfg(unix)]
        let _ = unsafe { self.0.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}
